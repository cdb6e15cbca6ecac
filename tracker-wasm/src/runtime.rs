//! What `std` and string bindings would bring, at a fraction of their bytes: the way of two texts through the
//! module's memory, and an end for what should not happen.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::{slice, str};

use wasm_bindgen::prelude::wasm_bindgen;

const PAGE: usize = 64 * 1024;
/// What the answer has beside the bytes of the text, twice over: names and punctuation.
const ANSWER: usize = 2048;

unsafe extern "C" {
    /// The first byte after the module's own data, named by the linker.
    static __heap_base: u8;
}

/// What a call is about: ahead of the text. All of one size, so that the page can write it as one array.
#[repr(C)]
struct Call {
    text: u32,
    href: u32,
    referrer: u32,
    subdomain_index: u32,
    now_low: u32,
    now_high: u32,
}

/// How much room the answer to a text of `len` bytes gets: the address comes twice, as a whole and in its parts,
/// and an escaped byte takes up to six.
fn room_for_answer(len: usize) -> usize {
    len.saturating_mul(6).saturating_add(ANSWER)
}

/// Where the page writes a call and its text of `len` bytes. What an earlier call left there is gone.
#[wasm_bindgen]
pub fn room(len: usize) -> *mut u32 {
    // The linker aligns it for all that Rust knows.
    let room = &raw const __heap_base as usize;
    let end = room
        .saturating_add(size_of::<Call>() + len)
        .saturating_add(room_for_answer(len));
    let missing = end.div_ceil(PAGE).saturating_sub(wasm32::memory_size(0));
    if missing > 0 && wasm32::memory_grow(0, missing) == usize::MAX {
        wasm32::unreachable();
    }
    room as *mut u32
}

/// [`capture`](crate::capture) of the call that the page wrote.
///
/// # Safety
///
/// `call` is what [`room`] returned last, with a whole `Call` written there and, behind it, its `text` bytes of
/// UTF-8, no more than the room was asked for.
#[wasm_bindgen]
pub unsafe fn capture(call: *mut u32) -> *const u8 {
    let call = call.cast::<Call>();
    // SAFETY: as the caller promises. Call, text and answer lie one behind the other within the room.
    let (call, text, answer) = unsafe {
        let text = call.add(1).cast::<u8>();
        let call = &*call;
        let len = call.text as usize;
        (
            call,
            str::from_utf8_unchecked(slice::from_raw_parts(text, len)),
            slice::from_raw_parts_mut(text.add(len), room_for_answer(len)),
        )
    };
    crate::capture(
        text,
        call.href as usize,
        call.referrer as usize,
        u64::from(call.now_high) << 32 | u64::from(call.now_low),
        call.subdomain_index as u8,
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
