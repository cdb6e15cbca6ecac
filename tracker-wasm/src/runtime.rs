//! What `std` and string bindings would bring, at a fraction of their bytes: the way of two texts through the
//! module's memory, and an end for what should not happen.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::UnsafeCell;
use core::str;

use wasm_bindgen::prelude::wasm_bindgen;

/// Addresses and cookies take some kilobytes, an answer up to eight times that: the address comes twice, as a
/// whole and in its parts, and an escaped byte takes up to six.
const ROOM: usize = 512 * 1024;

/// Where the page writes a call and reads the answer.
#[repr(C)]
struct Room {
    /// The bytes of the text, and of the address and the referrer in it.
    text: u32,
    href: u32,
    referrer: u32,
    subdomain_index: u32,
    now_low: u32,
    now_high: u32,
    /// The text, and behind it the answer.
    texts: [u8; ROOM],
}

struct Shared(UnsafeCell<Room>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new(Room {
    text: 0,
    href: 0,
    referrer: 0,
    subdomain_index: 0,
    now_low: 0,
    now_high: 0,
    texts: [0; ROOM],
}));

/// Where the page writes what a call is about: six numbers of 32 bits, then the text.
#[wasm_bindgen]
pub fn room() -> *mut u32 {
    SHARED.0.get().cast()
}

/// [`capture`](crate::capture) of what the page wrote. A text too long for the room is taken for none.
///
/// # Safety
///
/// The text is UTF-8, and the page does not touch the room until the call returns.
#[wasm_bindgen]
pub unsafe fn capture() -> *const u8 {
    // SAFETY: this is the only borrow of the room, and it ends with the call; nothing here calls back.
    let room = unsafe { &mut *SHARED.0.get() };
    let (text, answer) = room
        .texts
        .split_at_mut_checked(room.text as usize)
        .unwrap_or_default();
    crate::capture(
        // SAFETY: as the caller promises.
        unsafe { str::from_utf8_unchecked(text) },
        room.href as usize,
        room.referrer as usize,
        u64::from(room.now_high) << 32 | u64::from(room.now_low),
        room.subdomain_index as u8,
        answer,
    );
    answer.as_ptr()
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
