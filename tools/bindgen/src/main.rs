//! Makes the JavaScript bindings of a compiled WebAssembly module.
//!
//! This is what the `wasm-bindgen` command does, linked into the workspace instead: the version is
//! the one in Cargo.lock, so bindings and crate can't drift apart, and nothing is downloaded.
//!
//! ```text
//! edgeway-bindgen worker  <module.wasm> <out folder>
//! edgeway-bindgen tracker <module.wasm> <out folder>
//! ```

use std::env;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, module, out] = arguments.as_slice() else {
        bail!("usage: edgeway-bindgen worker|tracker <module.wasm> <out folder>");
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .typescript(false)
        .remove_producers_section(true);
    // All are instantiated by hand, from a module that their own entry holds.
    bindgen.web(true)?.omit_default_module_path(true);
    match target.as_str() {
        // The reset function lets the entry replace an instance that has panicked.
        "worker" => bindgen.out_name("doors").reset_state_function(true),
        "tracker" => bindgen.out_name("tracker"),
        other => bail!("no such target: {other}"),
    };
    bindgen
        .generate(out)
        .with_context(|| format!("making the bindings of {module}"))
}
