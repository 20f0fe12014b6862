//! Pointers into nginx's pools that know when their pool is gone.

use std::ptr::NonNull;
use std::rc::Weak;

use super::slot::Slot;

/// A pointer that leads nowhere once the pool of a slot is destroyed.
#[derive(Clone)]
pub(super) struct Pooled<T> {
    pointer: NonNull<T>,
    life: Weak<()>,
}

impl<T> Pooled<T> {
    /// # Safety
    ///
    /// `slot` is valid, and `pointer` as long as the pool of `slot`.
    pub(super) unsafe fn new(pointer: NonNull<T>, slot: NonNull<Slot>) -> Self {
        // SAFETY: the caller's promise.
        Self { pointer, life: unsafe { slot.as_ref() }.life() }
    }

    /// The pointer, valid for the call that it serves; `None` once the pool is gone.
    pub(super) fn get(&self) -> Option<NonNull<T>> {
        (self.life.strong_count() > 0).then_some(self.pointer)
    }
}
