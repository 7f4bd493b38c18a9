//! The records that a call of `poll` returns, on their way from the Fetches' answers to the application.

use std::rc::Rc;

use crate::client::{AssignedPartition, RecordBatch};

/// Records of the partition at this place in the client's list.
struct Taken {
    place: u32,
    from: i64,
    count: u32,
}

/// What a call of `poll` takes.
#[derive(Default)]
pub(super) struct TakenRecords {
    taken: Vec<Taken>,
    /// As many records as it may still take.
    left: i64,
    /// Batches that applications are done with: their memory is used again.
    done: Vec<Rc<[RecordBatch]>>,
}

impl TakenRecords {
    /// A call of `poll` may take so many.
    pub fn allow(&mut self, count: u32) {
        self.left = i64::from(count);
    }

    /// The call may take more.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.left > 0
    }

    /// Takes as many of these records as it may, and says how many.
    #[inline]
    pub fn take(&mut self, place: u32, from: i64, count: i64) -> i64 {
        let count = count.min(self.left);
        if count > 0 {
            self.taken.push(Taken { place, from, count: count as u32 });
            self.left -= count;
        }
        count
    }

    /// Nothing was taken.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// What was taken, to be shared. Where nobody looks any more at as many batches that an application is
    /// done with, their memory is used again.
    pub fn share(&mut self, assigned: &[AssignedPartition]) -> Rc<[RecordBatch]> {
        let batch = |Taken { place, from, count }| {
            let partition = assigned[place as usize].partition;
            RecordBatch { partition, from, count }
        };
        if let Some(mut batches) = self.done.pop()
            && let Some(places) = Rc::get_mut(&mut batches)
            && places.len() == self.taken.len()
        {
            places.iter_mut().zip(self.taken.drain(..)).for_each(|(place, taken)| *place = batch(taken));
            return batches;
        }
        self.taken.drain(..).map(batch).collect()
    }

    /// An application is done with these.
    pub fn give_back(&mut self, batches: Rc<[RecordBatch]>) {
        self.done.push(batches);
    }
}
