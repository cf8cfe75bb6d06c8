use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde_json::Value;

use super::Fault;

/// Highest floor that knows no clock, files, sockets, threads or async.
const PURE_FLOOR: u8 = 1;

/// Every room and its floor. Source: `docs/architecture.md`; a new room is a decision.
const ROOMS: &[(&str, u8)] = &[
    ("gridwell-model", 0),
    ("gridwell-api", 1),
    ("gridwell-courtesy", 1),
    ("gridwell-files", 1),
    ("gridwell-flow", 1),
    ("gridwell-job", 1),
    ("gridwell-ledger", 1),
    ("gridwell-links", 1),
    ("gridwell-sched", 1),
    ("gridwell-trust", 1),
    ("gridwell-wire", 1),
    ("gridwell-worker", 1),
    ("gridwell-exec", 2),
    ("gridwell-mount", 2),
    ("gridwell-net", 2),
    ("gridwell-preview", 2),
    ("gridwell-probe", 2),
    ("gridwell-store", 2),
    ("gridwell-node", 3),
    ("gridwell-cli", 4),
    ("gridwell-desktop", 4),
    ("gridwell-serve", 4),
];

/// Stand beside the house: they may use every room, and no room may use them.
const BESIDE: &[&str] = &["gridwell-fuzz", "gridwell-tests", "xtask"];

/// The one arrow between rooms of a floor: the other doors may use the local door.
const SIDEWAYS: &[(&str, &str)] = &[("gridwell-cli", "gridwell-serve"), ("gridwell-desktop", "gridwell-serve")];

/// Libraries that nothing on a pure floor may reach, not even through another library.
const IMPURE: &[&str] = &["async-std", "fuser", "libp2p", "mio", "rusqlite", "smol", "tauri", "tokio"];

/// Libraries that only one room may name.
const NAMED_BY: &[(&str, &str)] = &[
    ("fuser", "gridwell-mount"),
    ("libp2p", "gridwell-net"),
    ("rusqlite", "gridwell-store"),
    ("tauri", "gridwell-desktop"),
];

/// The workspace as `cargo metadata` tells it.
pub(super) struct House {
    rooms: Vec<Room>,
    /// Package id → ids of the packages it is built with, tests left out.
    built_with: BTreeMap<String, Vec<String>>,
    /// Package id → name.
    names: BTreeMap<String, String>,
}

struct Room {
    id: String,
    name: String,
    folder: PathBuf,
    /// Names of direct dependencies; true for those only tests use.
    uses: Vec<(String, bool)>,
}

impl House {
    pub(super) fn read(metadata: &Value) -> Self {
        let members: BTreeSet<&str> = list(&metadata["workspace_members"]).filter_map(Value::as_str).collect();
        let packages: Vec<&Value> = list(&metadata["packages"]).collect();
        let is_member = |package: &&&Value| members.contains(text(&package["id"]));
        Self {
            rooms: packages.iter().filter(is_member).map(|package| Room::read(package)).collect(),
            built_with: list(&metadata["resolve"]["nodes"])
                .map(|node| (text(&node["id"]).into(), edges(node)))
                .collect(),
            names: packages
                .iter()
                .map(|package| (text(&package["id"]).into(), text(&package["name"]).into()))
                .collect(),
        }
    }

    /// Folders of the rooms whose sources must be pure.
    pub(super) fn pure_folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.rooms.iter().filter(|room| is_pure(&room.name)).map(|room| &room.folder)
    }

    /// Follows what `id` is built with to the first library that a pure room must not reach; returns the way there.
    fn way_to_impure(&self, id: &str) -> Option<Vec<&str>> {
        let mut seen = BTreeSet::from([id.to_owned()]);
        let mut ways = vec![vec![id.to_owned()]];
        while let Some(way) = ways.pop() {
            let last = way.last()?;
            let name = self.names.get(last).map_or("", String::as_str);
            if IMPURE.contains(&name) || name.starts_with("libp2p-") {
                return Some(way.iter().filter_map(|id| self.names.get(id)).map(String::as_str).collect());
            }
            for next in self.built_with.get(last).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    ways.push(way.iter().chain([next]).cloned().collect());
                }
            }
        }
        None
    }
}

impl Room {
    fn read(package: &Value) -> Self {
        let uses = list(&package["dependencies"])
            .map(|dependency| (text(&dependency["name"]).to_owned(), text(&dependency["kind"]) == "dev"))
            .collect();
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        Self {
            id: text(&package["id"]).to_owned(),
            name: text(&package["name"]).to_owned(),
            folder: manifest.parent().map(PathBuf::from).unwrap_or_default(),
            uses,
        }
    }
}

/// Ids of what a package is built with: normal and build dependencies.
fn edges(node: &Value) -> Vec<String> {
    let is_built_in = |dependency: &&Value| list(&dependency["dep_kinds"]).any(|kind| text(&kind["kind"]) != "dev");
    list(&node["deps"]).filter(is_built_in).map(|dependency| text(&dependency["pkg"]).to_owned()).collect()
}

/// Every arrow and library that the house does not allow.
pub(super) fn check(house: &House) -> Vec<Fault> {
    let mut faults = Vec::new();
    for room in &house.rooms {
        if floor(&room.name).is_none() && !BESIDE.contains(&room.name.as_str()) {
            faults.push(Fault::new(&room.name, "is not a room of the house; add it to the table, with a decision"));
            continue;
        }
        let members = room.uses.iter().filter(|(name, _)| house.rooms.iter().any(|other| other.name == *name));
        faults.extend(members.filter_map(|(used, _)| arrow_fault(&room.name, used)));
        faults.extend(room.uses.iter().filter_map(|(used, for_tests)| name_fault(&room.name, used, *for_tests)));
        if is_pure(&room.name)
            && let Some(way) = house.way_to_impure(&room.id)
        {
            faults.push(Fault::new(&room.name, format!("is pure but reaches {}", way.join(" → "))));
        }
    }
    faults
}

fn arrow_fault(from: &str, to: &str) -> Option<Fault> {
    if BESIDE.contains(&to) {
        return Some(Fault::new(from, format!("uses {to}, which stands beside the house")));
    }
    let (Some(above), Some(below)) = (floor(from), floor(to)) else { return None };
    if below < above || SIDEWAYS.contains(&(from, to)) {
        return None;
    }
    let way = if below == above { "sideways" } else { "up" };
    Some(Fault::new(from, format!("points {way} to {to} (floor {above} to floor {below})")))
}

fn name_fault(room: &str, library: &str, for_tests: bool) -> Option<Fault> {
    let (_, owner) = NAMED_BY.iter().find(|(name, _)| library == *name || library.starts_with(&format!("{name}-")))?;
    let allowed = room == *owner || for_tests || BESIDE.contains(&room);
    (!allowed).then(|| Fault::new(room, format!("names {library}, which only {owner} may")))
}

fn floor(name: &str) -> Option<u8> {
    ROOMS.iter().find(|(room, _)| *room == name).map(|(_, floor)| *floor)
}

fn is_pure(name: &str) -> bool {
    floor(name).is_some_and(|floor| floor <= PURE_FLOOR)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
