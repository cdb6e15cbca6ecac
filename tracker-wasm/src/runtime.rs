//! What `std` and string bindings would bring, at a fraction of their bytes: the way of two texts through the
//! module's memory, and an end for what should not happen.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::UnsafeCell;

use wasm_bindgen::prelude::wasm_bindgen;

/// Addresses and cookies take some kilobytes, an answer up to six times that: the address comes twice, as a whole and
/// in its parts, and an escaped byte takes three.
const ROOM: usize = 512 * 1024;

/// Where the page writes a view, and behind it the answer.
struct Room(UnsafeCell<[u8; ROOM]>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Room {}

static ROOM_OF_ALL: Room = Room(UnsafeCell::new([0; ROOM]));

/// Where the page writes a view.
#[wasm_bindgen]
pub fn room() -> *mut u8 {
    ROOM_OF_ALL.0.get().cast()
}

/// [`capture`](crate::capture) of the view that the page wrote, so many bytes long. The answer begins right behind it;
/// returned is where it ends. A view too long for the room is taken for none.
///
/// # Safety
///
/// The page does not touch the room until the call returns.
#[wasm_bindgen]
pub unsafe fn capture(length: usize) -> *const u8 {
    // SAFETY: this is the only borrow of the room, and it ends with the call; nothing here calls back.
    let room = unsafe { &mut *ROOM_OF_ALL.0.get() };
    let (view, answer) = room.split_at_mut_checked(length).unwrap_or_default();
    crate::capture(view, answer).as_ptr()
}

/// `attribution` can allocate; what the page calls of it does not, so there is nothing to allocate from.
struct None;

#[global_allocator]
static ALLOCATOR: None = None;

// SAFETY: it hands out no memory.
unsafe impl GlobalAlloc for None {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        wasm32::unreachable()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// Ends the call; the shim takes the visit's raw parts to the edge instead.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}
