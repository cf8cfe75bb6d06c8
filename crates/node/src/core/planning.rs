//! From what a person wants of the layout to a plan, and what a plan would change.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_api::{ApiError, ErrorCode, LayoutView, PairView};
use gridwell_links::behaviour::{Graph, Layout, LayoutError, Pair};
use gridwell_model::{LayoutKind, PeerId, Plan};

use super::Core;
use crate::clock;

/// Label by which owners name the site of a machine.
const SITE: &str = "site";
/// Changes that are listed; all of them are among the notices.
const LISTED: usize = 50;
/// Machines that a refusal names.
const NAMED: usize = 8;

impl Core {
    pub(super) fn plan_of(&self, kind: LayoutKind, machines: &[String]) -> Result<Plan, ApiError> {
        let named = machines.iter().map(|text| self.find_machine(text)).collect::<Result<Vec<_>, _>>()?;
        let layout = match kind {
            LayoutKind::Mesh => Layout::Mesh,
            LayoutKind::Chain if named.is_empty() => Layout::Chain(vec![self.me]),
            LayoutKind::Chain => Layout::Chain(named.clone()),
            LayoutKind::Star => Layout::Star(named.first().copied().unwrap_or(self.me)),
            LayoutKind::Sites => Layout::Sites(self.sites()),
        };
        let most = match kind {
            LayoutKind::Mesh | LayoutKind::Sites => 0,
            LayoutKind::Star => 1,
            LayoutKind::Chain => usize::MAX,
        };
        if named.len() > most {
            let message = format!("a {kind} takes {} named machine(s), not {}", most, named.len());
            return Err(ApiError::new(ErrorCode::BadRequest, message));
        }
        let graph = self.graph(false);
        let pairs = layout.links(&graph).map_err(|error| self.no_such_layout(kind, &error))?;
        let members: Vec<PeerId> = graph.members().collect();
        let links = if kind == LayoutKind::Mesh { Vec::new() } else { positions(&members, &pairs) };
        if members.len() > Plan::MAX_MEMBERS || links.len() > Plan::MAX_LINKS {
            let message = format!(
                "{} machines with {} links are more than a layout may have ({} machines, {} links)",
                members.len(),
                links.len(),
                Plan::MAX_MEMBERS,
                Plan::MAX_LINKS
            );
            return Err(ApiError::new(ErrorCode::TooLarge, message));
        }
        Ok(self.next_plan(kind, members, links))
    }

    fn no_such_layout(&self, kind: LayoutKind, error: &LayoutError) -> ApiError {
        let LayoutError::CutOff { peers } = error else {
            return ApiError::new(ErrorCode::UnknownMachine, error.to_string());
        };
        let mut names: Vec<_> = peers.iter().take(NAMED).map(|peer| self.machines.name(*peer)).collect();
        if peers.len() > NAMED {
            names.push(format!("{} more", peers.len() - NAMED));
        }
        let message = format!("links that are forbidden would cut {} off from a {kind}", names.join(", "));
        ApiError::new(ErrorCode::WouldCutOff, message).help("allow one of its links, or name another order or middle")
    }

    pub(super) fn plan_before(&self) -> Result<Plan, ApiError> {
        let nothing =
            || ApiError::new(ErrorCode::WrongState, "the layout was never changed: there is nothing to go back to");
        let (plan, _) = self.layouts.plan.as_ref().ok_or_else(nothing)?;
        if plan.by != self.me {
            let by = self.machines.name(plan.by);
            let message = format!("the layout was changed on {by}, not here");
            return Err(ApiError::new(ErrorCode::Forbidden, message).help(format!("go back on {by}, or name a shape")));
        }
        Ok(match &self.layouts.before {
            Some(before) => self.next_plan(before.kind, before.members.clone(), before.links.clone()),
            None => self.next_plan(LayoutKind::Mesh, Vec::new(), Vec::new()),
        })
    }

    fn next_plan(&self, kind: LayoutKind, members: Vec<PeerId>, links: Vec<(u16, u16)>) -> Plan {
        let revision = self.layouts.plan.as_ref().map_or(0, |(plan, _)| plan.revision) + 1;
        Plan { revision, by: self.me, at: clock::stamp(), kind, members, links }
    }

    /// Machines that their owners gave a site.
    fn sites(&self) -> BTreeMap<PeerId, String> {
        let others = self.machines.others().iter().map(|(peer, machine)| (*peer, machine.label(SITE)));
        let here = (self.me, self.machines.settings().labels.get(SITE).cloned());
        others.chain([here]).filter_map(|(peer, site)| Some((peer, site?))).collect()
    }

    /// The layout that holds, or what `preview` would change.
    pub(super) fn layout_view(&self, preview: Option<&Plan>) -> LayoutView {
        let plan = preview.or(self.layouts.plan.as_ref().map(|(plan, _)| plan));
        let graph = self.graph(false);
        let stands: BTreeSet<Pair> = graph.edges().map(|(pair, _)| pair).collect();
        let (mut adds, mut removes) = (Vec::new(), Vec::new());
        for pair in plan.iter().flat_map(|plan| pairs_of(plan, &graph)) {
            if !stands.contains(&pair) {
                adds.push(self.pair_view(pair));
            }
        }
        for (pair, edge) in graph.edges() {
            let (one, other) = pair.ends();
            let follows = pair.other(self.me).is_none_or(|peer| !self.layouts.own.contains_key(&peer));
            if !edge.pinned && follows && plan.is_some_and(|plan| !plan.needs(one, other)) {
                removes.push(self.pair_view(pair));
            }
        }
        LayoutView {
            kind: plan.map_or(LayoutKind::Mesh, |plan| plan.kind),
            revision: self.layouts.plan.as_ref().map_or(0, |(plan, _)| plan.revision),
            changed: self.layouts.plan.as_ref().map(|(plan, _)| (plan.by, plan.at)),
            adds,
            removes,
            behaviours: self.behaviour_views(),
            history: self.layout_history(LISTED),
        }
    }

    fn pair_view(&self, pair: Pair) -> PairView {
        let (from, to) = pair.ends();
        PairView { from, from_name: self.machines.name(from), to, to_name: self.machines.name(to) }
    }
}

/// The links that a plan needs among members.
fn pairs_of(plan: &Plan, graph: &Graph) -> Vec<Pair> {
    if plan.kind == LayoutKind::Mesh {
        return Layout::Mesh.links(graph).unwrap_or_default().into_iter().collect();
    }
    let member = |at: u16| plan.members.get(usize::from(at)).copied();
    let links = plan.links.iter().filter_map(|(one, other)| Some((member(*one)?, member(*other)?)));
    links.filter(|(one, other)| graph.has(*one) && graph.has(*other)).map(|(one, other)| Pair::of(one, other)).collect()
}

fn positions(members: &[PeerId], pairs: &BTreeSet<Pair>) -> Vec<(u16, u16)> {
    let at = |peer: PeerId| members.binary_search(&peer).ok().and_then(|at| u16::try_from(at).ok());
    let ends = pairs.iter().map(|pair| pair.ends());
    ends.filter_map(|(one, other)| Some((at(one)?, at(other)?))).collect()
}
