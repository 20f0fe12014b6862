//! Rust values in nginx's pools: each is dropped with its pool, and is found again by its type.

use std::any::Any;
use std::ffi::c_void;
use std::ptr::NonNull;

use ngx::ffi::{ngx_pool_cleanup_add, ngx_pool_t};

use super::guard::{Entry, guarded};

/// What lies in a pool: a value that knows its own type, so that a wrong cast is `None`, not
/// undefined behaviour.
pub struct Slot(Box<dyn Any>);

impl Slot {
    /// Moves `value` into `pool`.
    ///
    /// # Safety
    ///
    /// `pool` is valid; the slot is not used after the pool is destroyed.
    pub(super) unsafe fn allocate<T: Any>(
        pool: *mut ngx_pool_t,
        value: T,
    ) -> Option<NonNull<Self>> {
        // SAFETY: a cleanup of the pool with room for a slot behind it, aligned by nginx.
        unsafe {
            let cleanup = ngx_pool_cleanup_add(pool, size_of::<Self>()).as_mut()?;
            let slot = NonNull::new(cleanup.data.cast::<Self>())?;
            slot.write(Self(Box::new(value)));
            cleanup.handler = Some(drop_slot);
            Some(slot)
        }
    }

    /// Finds the value of type `T` in `pool`.
    ///
    /// # Safety
    ///
    /// As for [`Slot::allocate`].
    pub(super) unsafe fn find<T: Any>(pool: *mut ngx_pool_t) -> Option<NonNull<Self>> {
        let ours = drop_slot as *const () as usize;
        // SAFETY: the cleanups of a valid pool are a list that ends in null; one with our handler
        // has our slot as its data.
        unsafe {
            let mut next = pool.as_ref()?.cleanup;
            while let Some(cleanup) = next.as_ref() {
                if cleanup.handler.is_some_and(|handler| handler as *const () as usize == ours) {
                    let slot = NonNull::new(cleanup.data.cast::<Self>())?;
                    if slot.as_ref().0.is::<T>() {
                        return Some(slot);
                    }
                }
                next = cleanup.next;
            }
        }
        None
    }

    /// The value, if it is a `T`.
    pub fn value<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// The value, if it is a `T`.
    pub fn value_mut<T: Any>(&mut self) -> Option<&mut T> {
        self.0.downcast_mut()
    }
}

/// The cleanup of every slot, and of nothing else: its address marks what is ours.
///
/// # Safety
///
/// nginx calls it once, with the slot that [`Slot::allocate`] wrote.
unsafe extern "C" fn drop_slot(data: *mut c_void) {
    // SAFETY: as above; the slot is not touched again.
    guarded(Entry::Drop, (), || unsafe { data.cast::<Slot>().drop_in_place() });
}
