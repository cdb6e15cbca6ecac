//! What `std` and string bindings would bring, at a fraction of their bytes: an allocator, a panic handler, and
//! the way of two texts through the module's memory.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::Cell;
use core::{slice, str};

use alloc::vec::Vec;
use wasm_bindgen::prelude::wasm_bindgen;

const PAGE: usize = 64 * 1024;

unsafe extern "C" {
    /// The first byte after the module's own data, named by the linker.
    static __heap_base: u8;
}

/// Hands out memory in a row and takes none back: every call starts over, in [`room`].
struct Bump {
    top: Cell<usize>,
}

// SAFETY: the module is built without threads.
unsafe impl Sync for Bump {}

#[global_allocator]
static ALLOCATOR: Bump = Bump { top: Cell::new(0) };

// SAFETY: blocks follow each other without overlap inside the module's memory, until `room` starts over.
unsafe impl GlobalAlloc for Bump {
    /// Traps rather than return null: nobody here could go on without memory, and the code that would say so is
    /// larger than all the rest.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.top.get().next_multiple_of(layout.align());
        let end = start.saturating_add(layout.size());
        let missing = end.saturating_sub(wasm32::memory_size(0) * PAGE);
        if start == 0 || missing > 0 && wasm32::memory_grow(0, missing.div_ceil(PAGE)) == usize::MAX {
            wasm32::unreachable();
        }
        self.top.set(end);
        start as *mut u8
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// What a call is about: ahead of the text, in the page's [`room`]. All of one size, so that the page can write them
/// as one array.
#[repr(C)]
struct Call {
    text: u32,
    href: u32,
    referrer: u32,
    subdomain_index: u32,
    now_low: u32,
    now_high: u32,
}

/// Room for a call of `len` bytes: its head and its text. What earlier calls left behind is gone.
#[wasm_bindgen]
pub fn room(len: usize) -> *mut u32 {
    // Nothing lives from one call to the next: the module has no state of its own.
    ALLOCATOR.top.set(&raw const __heap_base as usize);
    Vec::with_capacity(len / 4 + 1).leak().as_mut_ptr()
}

/// [`capture`](crate::capture) of the call that the page wrote; the answer ends with a zero byte.
///
/// # Safety
///
/// `call` is what [`room`] returned last, with a whole `Call` written there and, behind it, `text` bytes of UTF-8.
#[wasm_bindgen]
pub unsafe fn capture(call: *const u32) -> *const u8 {
    // SAFETY: as the caller promises; the room is aligned for `u32` and so for `Call`.
    let (call, view) = unsafe {
        let call = call.cast::<Call>();
        let text = slice::from_raw_parts(call.add(1).cast(), (*call).text as usize);
        (&*call, str::from_utf8_unchecked(text))
    };
    let mut answer = crate::capture(
        view,
        call.href as usize,
        call.referrer as usize,
        u64::from(call.now_high) << 32 | u64::from(call.now_low),
        call.subdomain_index as u8,
    );
    answer.push(0);
    answer.leak().as_ptr()
}

/// Ends the call; the shim takes the visit's raw parts to the edge instead.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}
