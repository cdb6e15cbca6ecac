//! A Durable Object's own database. Every call here runs at once, without waiting, so nothing comes in between two of them as long as there
//! is no `await`: the platform also writes them as one.

use std::fmt;

use wasm_bindgen::prelude::*;

use crate::runtime;

#[wasm_bindgen(module = "/src/runtime.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn execute(storage: &Storage, sql: &str, parameters: &str) -> Result<String, JsValue>;

    /// Wakes the object at that Unix time (ms) or before.
    #[wasm_bindgen(js_name = wakeBy)]
    pub fn wake_by(storage: &Storage, at_ms: f64);
}

#[wasm_bindgen]
extern "C" {
    /// The storage of a Durable Object.
    pub type Storage;
}

/// Why the database did not do as told; in words for the log.
#[derive(Debug)]
pub struct Broken(String);

impl Storage {
    /// Runs one statement. Gives its rows, a line each, their values parted by tabs.
    ///
    /// # Errors
    /// The database's.
    pub fn execute(&self, sql: &str, parameters: &[&str]) -> Result<String, Broken> {
        execute(self, sql, &parameters.join("\n")).map_err(|why| Broken(runtime::words(&why)))
    }
}

impl From<String> for Broken {
    fn from(why: String) -> Self {
        Self(why)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
