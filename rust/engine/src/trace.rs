//! The steps of a decision, for `explain`. Without a listener they cost nothing.

/// A listener to the steps of a decision, in their order.
///
/// The step is made by a closure, so that a decision nobody listens to makes none.
pub trait Trace<S> {
    /// Takes note of a step.
    fn note(&mut self, step: impl FnOnce() -> S);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl<S> Trace<S> for Silent {
    fn note(&mut self, _step: impl FnOnce() -> S) {}
}

impl<S> Trace<S> for Vec<S> {
    fn note(&mut self, step: impl FnOnce() -> S) {
        self.push(step());
    }
}
