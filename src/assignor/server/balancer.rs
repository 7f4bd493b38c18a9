//! Picks the least and the most loaded members of a topic, over and over (spec `assignors.md` 6.2.3 and 6.2.4).

/// `MemberAssignmentBalancer`: the members of one topic sorted by how many partitions they have, with two ranges in that
/// order: the least loaded members and the most loaded ones. Inside a range all have the same number, and a pointer runs
/// over it; at its end the level of the range rises (falls) by one and takes in the members that are at that level.
#[derive(Default)]
pub(super) struct Balancer {
    /// Member numbers, the least loaded first, of equally loaded ones the lower number.
    sorted: Vec<u32>,
    keys: Vec<u64>,
    least_end: usize,
    least_level: i64,
    next_least: usize,
    most_start: usize,
    most_end: usize,
    most_level: i64,
    /// One more than the position that is looked at next: 0 where Kafka has -1.
    next_most: usize,
}

impl Balancer {
    /// Starts over with the members of a topic; `sizes` is how many partitions each member of the group has. Returns the
    /// difference between the most and the least loaded of them.
    pub(super) fn initialize(&mut self, members: &[u32], sizes: &[u32]) -> u32 {
        self.keys.clear();
        self.keys.extend(members.iter().map(|member| u64::from(sizes[*member as usize]) << 32 | u64::from(*member)));
        self.keys.sort_unstable();
        self.sorted.clear();
        self.sorted.extend(self.keys.iter().map(|key| *key as u32));
        let (least, most) = (self.size(sizes, 0), self.size(sizes, self.sorted.len() - 1));
        self.least_end = 0;
        self.least_level = least - 1;
        self.next_least = 0;
        self.most_start = self.sorted.len();
        self.most_end = self.sorted.len();
        self.most_level = most + 1;
        self.next_most = self.sorted.len();
        (most - least) as u32
    }

    fn size(&self, sizes: &[u32], position: usize) -> i64 {
        i64::from(sizes[self.sorted[position] as usize])
    }

    /// The member that gets the next partition.
    pub(super) fn next_least_loaded(&mut self, sizes: &[u32]) -> u32 {
        if self.next_least >= self.least_end {
            self.least_level += 1;
            while self.least_end < self.sorted.len() && self.size(sizes, self.least_end) == self.least_level {
                self.least_end += 1;
            }
            self.next_least = 0;
        }
        let member = self.sorted[self.next_least];
        self.next_least += 1;
        member
    }

    /// The member that gives the next partition; `None` if no member is left that has one to give.
    pub(super) fn next_most_loaded(&mut self, sizes: &[u32]) -> Option<u32> {
        if self.next_most <= self.most_start {
            if self.most_end <= self.most_start && self.most_start > 0 {
                // All in the range were excluded: go on with the next lower level that has members.
                self.most_level = self.size(sizes, self.most_start - 1);
            } else {
                self.most_level -= 1;
            }
            while self.most_start > 0 && self.size(sizes, self.most_start - 1) == self.most_level {
                self.most_start -= 1;
            }
            self.next_most = self.most_end;
        }
        self.next_most = self.next_most.checked_sub(1)?;
        Some(self.sorted[self.next_most])
    }

    /// Takes the member that [`Balancer::next_most_loaded`] gave last out of the most loaded range.
    pub(super) fn exclude_most_loaded(&mut self) {
        self.sorted.swap(self.next_most, self.most_end - 1);
        self.most_end -= 1;
    }

    /// Whether the two ranges differ by at most one.
    pub(super) fn is_balanced(&self) -> bool {
        self.most_level - self.least_level <= 1
    }
}
