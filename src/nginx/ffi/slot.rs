//! Rust values in nginx's pools: each is dropped with its pool, and is found again by its type.

use std::any::{Any, TypeId};
use std::cell::OnceCell;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};

use ngx::ffi::{ngx_pool_cleanup_add, ngx_pool_t};

use super::guard::{Entry, guarded};

/// What a pool's memory is aligned to: a C `long` (`NGX_ALIGNMENT`).
const ALIGNMENT: usize = size_of::<std::ffi::c_ulong>();

/// The head of a value in a pool. It tells the value's type, so that a wrong cast is `None`, not
/// undefined behaviour.
pub struct Slot {
    kind: TypeId,
    drop: unsafe fn(NonNull<Slot>),
    /// Dropped with the pool.
    life: OnceCell<Rc<()>>,
}

/// A value in a pool, with its head.
#[repr(C)]
struct Full<T> {
    head: Slot,
    value: T,
}

impl Slot {
    /// Moves a value into `pool`.
    ///
    /// # Safety
    ///
    /// `pool` is valid; the slot is not used after the pool is destroyed.
    pub(super) unsafe fn allocate<T: Any + Default>(
        pool: *mut ngx_pool_t,
    ) -> Option<NonNull<Self>> {
        const { assert!(align_of::<Full<T>>() <= ALIGNMENT) }
        let (kind, life) = (TypeId::of::<T>(), OnceCell::new());
        let head = Self { kind, drop: drop_full::<T>, life };
        // SAFETY: a cleanup of the pool with room for the value behind it, aligned by nginx.
        unsafe {
            let cleanup = ngx_pool_cleanup_add(pool, size_of::<Full<T>>()).as_mut()?;
            let full = NonNull::new(cleanup.data.cast::<Full<T>>())?;
            full.write(Full { head, value: T::default() });
            cleanup.handler = Some(drop_slot);
            Some(full.cast())
        }
    }

    /// What has a strong count as long as the pool is there.
    pub(super) fn life(&self) -> Weak<()> {
        Rc::downgrade(self.life.get_or_init(Rc::default))
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
                    if slot.as_ref().kind == TypeId::of::<T>() {
                        return Some(slot);
                    }
                }
                next = cleanup.next;
            }
        }
        None
    }

    /// The value behind `slot`, if it is a `T`. It is only ever shared: what changes in it is a cell.
    ///
    /// # Safety
    ///
    /// `slot` was made by [`Slot::allocate`], and its pool lives for `'s`.
    pub(super) unsafe fn value<'s, T: Any>(slot: NonNull<Self>) -> Option<&'s T> {
        // SAFETY: as above; the head's type is that of the whole.
        unsafe {
            let is_so = slot.as_ref().kind == TypeId::of::<T>();
            is_so.then(|| &slot.cast::<Full<T>>().as_ref().value)
        }
    }

    /// As [`Slot::value`], for a pointer as nginx keeps it.
    ///
    /// # Safety
    ///
    /// As for [`Slot::value`], or `slot` is null.
    pub(super) unsafe fn from_raw<'s, T: Any>(slot: *mut c_void) -> Option<&'s T> {
        // SAFETY: as above.
        NonNull::new(slot.cast::<Self>()).and_then(|slot| unsafe { Self::value(slot) })
    }
}

/// # Safety
///
/// `slot` is the head of a `Full<T>`, which is not touched again.
unsafe fn drop_full<T>(slot: NonNull<Slot>) {
    // SAFETY: as above.
    unsafe { slot.cast::<Full<T>>().drop_in_place() };
}

/// The cleanup of every slot, and of nothing else: its address marks what is ours.
///
/// # Safety
///
/// nginx calls it once, with the slot that [`Slot::allocate`] wrote.
unsafe extern "C" fn drop_slot(data: *mut c_void) {
    guarded(Entry::Drop, (), || {
        // SAFETY: as above.
        unsafe {
            if let Some(slot) = NonNull::new(data.cast::<Slot>()) {
                (slot.as_ref().drop)(slot);
            }
        }
    });
}
