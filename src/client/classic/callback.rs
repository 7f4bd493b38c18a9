//! Calls of the `ConsumerRebalanceListener` (consumer-client.md 3.5).

use crate::client::{ApplicationThread, Callback, ClientEvent, LostCallback, Output};
use crate::protocol::TopicPartition;

use super::commit::CommitPlace;
use super::consumer::{Consumer, Context};
use super::thread::{Flow, Frame, Outcome};

/// One call of the listener.
#[derive(Debug)]
pub(super) struct ListenerCall {
    callback: Callback,
    partitions: Vec<TopicPartition>,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Begin,
    Running,
    Committing,
}

impl ListenerCall {
    pub fn frame(callback: Callback, partitions: Vec<TopicPartition>) -> Frame {
        Frame::Callback(ListenerCall { callback, partitions, step: Step::Begin })
    }
}

impl Consumer {
    /// The application has to make the listener's call, and works.
    fn listener_is_busy(&self, call: &ListenerCall) -> bool {
        self.working.is_some()
            && self.settings.behaviour.application == ApplicationThread::BesideWithListener
            && !self.busy_claim_goes_on(call.callback, &call.partitions)
    }

    /// The listener runs, then commits if the application does so in `onPartitionsRevoked`. What its commit throws it
    /// catches itself.
    pub(super) fn step_callback(
        &mut self,
        mut call: ListenerCall,
        returned: Option<Outcome>,
        cx: &mut Context<'_>,
    ) -> Flow {
        match call.step {
            Step::Begin if self.listener_is_busy(&call) => {
                let Some(work) = self.working.filter(|_| std::mem::take(&mut self.processing_done)) else {
                    return Flow::Block(Frame::Callback(call));
                };
                self.working = None;
                self.left_unpolled = false;
                if !work.commit {
                    return Flow::Again(Frame::Callback(call));
                }
                let callee = self.commit_sync_call(CommitPlace::Listener, cx);
                Flow::Call { caller: Frame::Callback(call), callee }
            }
            Step::Begin => {
                if call.callback == Callback::Lost {
                    match self.settings.behaviour.lost_callback {
                        LostCallback::Lost => {}
                        LostCallback::Revoked => call.callback = Callback::Revoked,
                        LostCallback::None => return Flow::Return(Ok(true)),
                    }
                }
                self.callback_done = false;
                cx.world.carry_out(Output::Callback { callback: call.callback, partitions: call.partitions.clone() });
                call.step = Step::Running;
                Flow::Block(Frame::Callback(call))
            }
            Step::Running => {
                if !std::mem::take(&mut self.callback_done) {
                    return Flow::Block(Frame::Callback(call));
                }
                let commits = self.settings.application.commit_on_revoke && call.callback == Callback::Revoked;
                if !commits || call.partitions.is_empty() {
                    return Flow::Return(Ok(true));
                }
                call.step = Step::Committing;
                let callee = self.commit_sync_call(CommitPlace::Listener, cx);
                Flow::Call { caller: Frame::Callback(call), callee }
            }
            Step::Committing => {
                if let Some(Err(exception)) = returned {
                    cx.event(ClientEvent::Exception {
                        place: "onPartitionsRevoked",
                        class: exception.class,
                        message: exception.text(),
                    });
                }
                Flow::Return(Ok(true))
            }
        }
    }
}
