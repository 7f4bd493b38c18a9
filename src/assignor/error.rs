//! What the real assignors throw, as values.

/// An exception of an assignor. It reaches the application that called `poll` on the leader; the group gets no
/// assignment.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AssignorError {
    /// The constrained sticky path met a state that its authors held impossible (spec `assignors.md` 3.3 B, E, F).
    #[error("{class}: {0}", class = self.class())]
    IllegalState(String),
    /// The general sticky path looked up a member that takes no part, or the owner of a partition that has none
    /// (spec `assignors.md` 3.4, hazards).
    #[error("{class}", class = self.class())]
    NullPointer,
    /// The general sticky path asked for the least loaded of no members.
    #[error("{class}", class = self.class())]
    NoSuchElement,
    /// The constrained sticky path divided by the number of members of a group without any.
    #[error("{class}: / by zero", class = self.class())]
    Arithmetic,
    /// The general sticky path moves partitions in a circle: Kafka's leader would never return from `poll`.
    #[error("{class}", class = self.class())]
    Endless,
    /// A broker's assignor met a topic that it knows nothing of, or had partitions left over.
    #[error("{class}: {0}", class = self.class())]
    PartitionAssignor(String),
    /// The bytes of a member's subscription are damaged.
    #[error(transparent)]
    Subscription(#[from] crate::protocol::subscription::DecodeError),
}

impl AssignorError {
    /// The Java exception's class; `endless loop` where there is none.
    pub fn class(&self) -> &'static str {
        match self {
            AssignorError::IllegalState(_) => "java.lang.IllegalStateException",
            AssignorError::NullPointer => "java.lang.NullPointerException",
            AssignorError::NoSuchElement => "java.util.NoSuchElementException",
            AssignorError::Arithmetic => "java.lang.ArithmeticException",
            AssignorError::Endless => "endless loop",
            AssignorError::PartitionAssignor(_) => {
                "org.apache.kafka.coordinator.group.api.assignor.PartitionAssignorException"
            }
            AssignorError::Subscription(error) => error.class(),
        }
    }
}
