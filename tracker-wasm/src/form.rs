//! Writing fields as a form (URL Standard, `application/x-www-form-urlencoded`), which browsers read natively.

use core::slice::IterMut;

use attribution::Written;

/// A form under construction.
pub(crate) struct Form<'a>(IterMut<'a, u8>);

impl<'a> Form<'a> {
    /// A form to be written into `room`; what finds no place there is left out.
    pub(crate) fn new(room: &'a mut [u8]) -> Form<'a> {
        Form(room.iter_mut())
    }

    /// Adds a field. The name holds nothing to escape; the value comes in pieces.
    pub(crate) fn put(&mut self, name: &[u8], value: &[Written<'_>]) {
        self.byte(b'&');
        for &byte in name {
            self.byte(byte);
        }
        self.byte(b'=');
        for piece in value {
            self.piece(piece);
        }
    }

    #[inline(never)]
    fn piece(&mut self, piece: &Written<'_>) {
        piece.spell_in_form(|byte| self.byte(byte));
    }

    /// The room that is left.
    pub(crate) fn into_rest(self) -> &'a mut [u8] {
        self.0.into_slice()
    }

    #[inline(never)]
    fn byte(&mut self, byte: u8) {
        if let Some(slot) = self.0.next() {
            *slot = byte;
        }
    }
}
