//! The KKTU tree: asked for once an hour, since every ad of Russia names an entry of it.

use std::cell::RefCell;
use std::rc::Rc;

use ::adstat::Call;
use ::adstat::kktu::KktuTree;

use super::{Away, Session, TIMEOUT_MS};
use crate::error::Error;
use crate::runtime::HOUR_MS;

/// How long a tree is good, in ms.
const FRESH_MS: u64 = HOUR_MS;

thread_local! {
    /// As long as the instance lives: the tree, and when it was asked for (Unix time in ms).
    static TREE: RefCell<Option<(Rc<KktuTree>, u64)>> = const { RefCell::new(None) };
}

/// Checks that an ad can name an entry.
///
/// # Errors
/// `INVALID_PAYLOAD`, naming `kktu_ids`; `BAD_GATEWAY`: AdStat does not show the tree
pub async fn check(session: &mut Session<'_>, id: Option<&str>) -> Result<(), Error> {
    let Some(id) = id else {
        return Ok(());
    };
    let now_ms = session.edge.now_ms;
    let known = TREE.with_borrow(Clone::clone);
    let known = known.filter(|(_, asked_ms)| now_ms < asked_ms + FRESH_MS);
    let tree = match known {
        Some((tree, _)) => tree,
        None => {
            // Repeating it does no harm: it reads.
            let told = session.make(&Call::Kktu, TIMEOUT_MS).await?;
            let reply = told.map_err(|refused| Away(format!("KKTU: {}", refused.status)))?;
            let tree = serde_json::from_str(&reply.body);
            let tree: Rc<KktuTree> = Rc::new(tree.map_err(|why| Away(why.to_string()))?);
            TREE.set(Some((tree.clone(), now_ms)));
            tree
        }
    };
    Ok(tree.check(id)?)
}
