//! A bucket of `java.util.HashMap` that became a red-black tree: which node is the root, and which is a new node's parent.
//!
//! Only these two show in the map's order (the root stands first in its bucket, a new node right behind its parent), so
//! only the shape is kept here; keys stay with the map. Member ids as brokers make them never come here: it takes nine
//! keys in one bucket of a table of at least 64.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::map::NIL;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Left,
    Right,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Links {
    parent: u32,
    left: u32,
    right: u32,
    red: bool,
}

/// A red-black tree over the map's node numbers.
#[derive(Clone, Debug)]
pub(super) struct TreeBin {
    root: u32,
    links: FxHashMap<u32, Links>,
}

impl Default for TreeBin {
    fn default() -> Self {
        TreeBin { root: NIL, links: FxHashMap::default() }
    }
}

impl TreeBin {
    /// The root: it stands first in its bucket.
    pub(super) fn root(&self) -> u32 {
        self.root
    }

    /// Java's quick look at the root's nearest relatives: such a tree has at most some ten keys and turns into a list at
    /// the next removal.
    pub(super) fn is_too_small(&self) -> bool {
        let left = self.child(self.root, Side::Left);
        left == NIL || self.child(self.root, Side::Right) == NIL || self.child(left, Side::Left) == NIL
    }

    /// Inserts a node; returns what was its parent before rebalancing ([`NIL`] for the first).
    pub(super) fn insert(&mut self, node: u32, compare: impl Fn(u32, u32) -> Ordering) -> u32 {
        let mut parent = NIL;
        let mut side = Side::Left;
        let mut at = self.root;
        while at != NIL {
            parent = at;
            side = if compare(node, at) == Ordering::Less { Side::Left } else { Side::Right };
            at = self.child(at, side);
        }
        self.links.insert(node, Links { parent, left: NIL, right: NIL, red: true });
        if parent == NIL {
            self.root = node;
        } else {
            self.set_child(parent, side, node);
        }
        self.restore_after_insertion(node);
        parent
    }

    /// Two red nodes in a row are repaired upwards.
    fn restore_after_insertion(&mut self, mut node: u32) {
        while self.is_red(self.parent(node)) {
            let mut parent = self.parent(node);
            let grandparent = self.parent(parent);
            if grandparent == NIL {
                break;
            }
            let side = self.side_of(parent);
            let uncle = self.child(grandparent, side.other());
            if self.is_red(uncle) {
                self.set_red(parent, false);
                self.set_red(uncle, false);
                self.set_red(grandparent, true);
                node = grandparent;
                continue;
            }
            if self.side_of(node) != side {
                self.rotate(parent, side);
                parent = node;
            }
            self.set_red(parent, false);
            self.set_red(grandparent, true);
            self.rotate(grandparent, side.other());
            break;
        }
        let root = self.root;
        self.set_red(root, false);
    }

    /// Takes a node out; returns the root. The tree must have other nodes.
    pub(super) fn remove(&mut self, node: u32) -> u32 {
        if self.child(node, Side::Left) != NIL && self.child(node, Side::Right) != NIL {
            self.swap_with_successor(node);
        }
        let only_child = [Side::Left, Side::Right].map(|side| self.child(node, side)).into_iter().find(|at| *at != NIL);
        let was_red = self.is_red(node);
        match only_child {
            Some(child) => {
                self.replace_in_parent(node, child);
                if !was_red {
                    self.restore_after_removal(child);
                }
            }
            // A leaf stays while colours are restored around it, and goes then.
            None => {
                if !was_red {
                    self.restore_after_removal(node);
                }
                let (parent, side) = (self.parent(node), self.side_of(node));
                self.set_child(parent, side, NIL);
            }
        }
        self.links.remove(&node);
        self.root
    }

    /// Exchanges places and colours of a node with two children and the next larger one.
    fn swap_with_successor(&mut self, node: u32) {
        let mut successor = self.child(node, Side::Right);
        while self.child(successor, Side::Left) != NIL {
            successor = self.child(successor, Side::Left);
        }
        let (of_node, of_successor) = (self.links[&node], self.links[&successor]);
        self.replace_in_parent(node, successor);
        let adjacent = of_successor.parent == node;
        let right = if adjacent { node } else { of_node.right };
        self.links.insert(successor, Links { right, ..of_node });
        if !adjacent {
            self.set_child(of_successor.parent, Side::Left, node);
        }
        let parent = if adjacent { successor } else { of_successor.parent };
        self.links.insert(node, Links { parent, ..of_successor });
        for owner in [successor, node] {
            for side in [Side::Left, Side::Right] {
                let child = self.child(owner, side);
                self.set_parent(child, owner);
            }
        }
    }

    /// One black node is missing on the path through `node`: recolours and rotates until none is.
    fn restore_after_removal(&mut self, mut node: u32) {
        while node != self.root && !self.is_red(node) {
            let parent = self.parent(node);
            let side = self.side_of(node);
            let mut sibling = self.child(parent, side.other());
            if self.is_red(sibling) {
                self.set_red(sibling, false);
                self.set_red(parent, true);
                self.rotate(parent, side);
                sibling = self.child(parent, side.other());
            }
            let (near, far) = (self.child(sibling, side), self.child(sibling, side.other()));
            if !self.is_red(near) && !self.is_red(far) {
                self.set_red(sibling, true);
                node = parent;
                continue;
            }
            if !self.is_red(far) {
                self.set_red(near, false);
                self.set_red(sibling, true);
                self.rotate(sibling, side.other());
                sibling = near;
            }
            let parent_is_red = self.is_red(parent);
            self.set_red(sibling, parent_is_red);
            let far = self.child(sibling, side.other());
            self.set_red(far, false);
            self.set_red(parent, false);
            self.rotate(parent, side);
            return;
        }
        self.set_red(node, false);
    }

    /// Turns `node` down to `side`; its child on the other side takes its place.
    fn rotate(&mut self, node: u32, side: Side) {
        let riser = self.child(node, side.other());
        let between = self.child(riser, side);
        self.set_child(node, side.other(), between);
        self.set_parent(between, node);
        self.replace_in_parent(node, riser);
        self.set_child(riser, side, node);
        self.set_parent(node, riser);
    }

    /// `substitute` takes the place of `node` under its parent.
    fn replace_in_parent(&mut self, node: u32, substitute: u32) {
        let parent = self.parent(node);
        if parent == NIL {
            self.root = substitute;
        } else {
            let side = self.side_of(node);
            self.set_child(parent, side, substitute);
        }
        self.set_parent(substitute, parent);
    }

    fn parent(&self, node: u32) -> u32 {
        self.links[&node].parent
    }

    fn child(&self, node: u32, side: Side) -> u32 {
        match side {
            Side::Left => self.links[&node].left,
            Side::Right => self.links[&node].right,
        }
    }

    fn side_of(&self, node: u32) -> Side {
        if self.child(self.parent(node), Side::Left) == node { Side::Left } else { Side::Right }
    }

    fn is_red(&self, node: u32) -> bool {
        self.links.get(&node).is_some_and(|links| links.red)
    }

    fn set_red(&mut self, node: u32, red: bool) {
        if let Some(links) = self.links.get_mut(&node) {
            links.red = red;
        }
    }

    fn set_parent(&mut self, node: u32, parent: u32) {
        if let Some(links) = self.links.get_mut(&node) {
            links.parent = parent;
        }
    }

    fn set_child(&mut self, node: u32, side: Side, child: u32) {
        if let Some(links) = self.links.get_mut(&node) {
            match side {
                Side::Left => links.left = child,
                Side::Right => links.right = child,
            }
        }
    }
}
