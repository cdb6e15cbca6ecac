//! What `std` and string bindings would bring, at a fraction of their bytes: an allocator, a panic handler, and
//! the way of two texts through the module's memory.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::Cell;
use core::{ptr, slice, str};

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
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.top.get().next_multiple_of(layout.align());
        let Some(end) = start.checked_add(layout.size()) else {
            return ptr::null_mut();
        };
        let missing = end.saturating_sub(wasm32::memory_size(0) * PAGE);
        if missing > 0 && wasm32::memory_grow(0, missing.div_ceil(PAGE)) == usize::MAX {
            return ptr::null_mut();
        }
        self.top.set(end);
        start as *mut u8
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// Room for a text of `len` bytes. What earlier calls left behind is gone.
#[wasm_bindgen]
pub fn room(len: usize) -> *mut u8 {
    // Nothing lives from one call to the next: the module has no state of its own.
    ALLOCATOR.top.set(&raw const __heap_base as usize);
    Vec::with_capacity(len).leak().as_mut_ptr()
}

/// [`capture`](crate::capture) of the text that the page wrote into its [`room`]; the answer ends with a zero byte.
///
/// # Safety
///
/// `view` is what `room(len)` returned last, with all of its `len` bytes written.
#[wasm_bindgen]
pub unsafe fn capture(view: *const u8, len: usize, now: f64, subdomain_index: u8) -> *const u8 {
    // SAFETY: as the caller promises.
    let view = unsafe { slice::from_raw_parts(view, len) };
    let view = str::from_utf8(view).unwrap_or_default();
    let mut answer = crate::capture(view, now, subdomain_index);
    answer.push('\0');
    answer.leak().as_ptr()
}

/// Ends the call; the shim takes the visit's raw parts to the edge instead.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}
