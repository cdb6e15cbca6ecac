//! KKTU: the categories that an ad shown in Russia is labelled with. The tree has three levels; an ad names one entry of the third.

use serde::Deserialize;

use crate::problem::{Invalid, Problem};

/// The level whose entries can be named.
const NAMED: usize = 3;

/// The tree, as `GET /kktu` answers.
#[derive(Debug, Deserialize)]
pub struct KktuTree {
    /// Its first level.
    pub items: Vec<Kktu>,
}

/// One entry.
#[derive(Debug, Deserialize)]
pub struct Kktu {
    /// What `kktu_ids` holds of it, where it is of the third level.
    pub id: String,
    /// Its number, such as `1.1.2`.
    #[serde(default)]
    pub code: String,
    /// What is under it.
    #[serde(default)]
    pub children: Vec<Kktu>,
}

impl KktuTree {
    /// Checks that an entry can be named by an ad.
    ///
    /// # Errors
    /// [`Invalid`], naming `kktu_ids` and what is to be put there.
    pub fn check(&self, id: &str) -> Result<(), Invalid> {
        let wrong = |expected: String| Err(Problem::new("kktu_ids", expected).into());
        match self.find(|entry| entry.id == id) {
            Some((_, NAMED)) => return Ok(()),
            Some((entry, level)) => {
                return wrong(format!(
                    "expected an entry of the third level; {} is of level {level}",
                    entry.code
                ));
            }
            None => {}
        }
        match self.find(|entry| !id.is_empty() && entry.code == id) {
            Some((entry, NAMED)) => wrong(format!("expected an id; that of {id} is {}", entry.id)),
            _ => wrong("no such entry".to_owned()),
        }
    }

    /// The first entry that is meant, and its level.
    fn find(&self, is_meant: impl Fn(&Kktu) -> bool) -> Option<(&Kktu, usize)> {
        let mut ahead: Vec<(&Kktu, usize)> = self.items.iter().map(|entry| (entry, 1)).collect();
        while let Some((entry, level)) = ahead.pop() {
            if is_meant(entry) {
                return Some((entry, level));
            }
            ahead.extend(entry.children.iter().map(|child| (child, level + 1)));
        }
        None
    }
}
