//! Invites that belong to a click: links made ahead, handed out one a click.
