//! What others tell of their own accord: Telegram of its updates, shops and CRMs of their events.

pub mod signed;
pub mod telegram;
