use gridwell_api::LimitView;

use super::{jobs::short, table::Table};

/// Every limit of the grid: who keeps it, and who has licences for which job.
pub(crate) fn limits(limits: &[LimitView], columns: usize) -> String {
    if limits.is_empty() {
        return "No machine in reach keeps a limit. This one keeps three licences with: gridwell limit set nuke 3\n"
            .into();
    }
    let mut table = Table::new(&["LIMIT", ">IN USE", "KEPT BY", "HELD BY"]);
    for limit in limits {
        let holders = limit.holders.iter();
        let holders = holders.map(|holder| format!("{} ({}, job {})", holder.name, holder.count, short(holder.job)));
        let mut held = holders.collect::<Vec<_>>().join(", ");
        if limit.settling {
            held = format!("{held} (just started: asks who has some)").trim_start().to_owned();
        }
        let in_use = format!("{} of {}", limit.in_use, limit.cap);
        table.row([limit.name.clone(), in_use, limit.keeper_name.clone(), held]);
    }
    table.render(columns)
}

#[cfg(test)]
mod tests {
    use gridwell_api::LimitHolderView;
    use gridwell_model::{JobId, PeerId};

    use super::*;

    #[test]
    fn a_limit_is_a_line_with_its_keeper_and_its_holders() {
        let holder = LimitHolderView { machine: PeerId([2; 32]), name: "quarry".into(), job: JobId([3; 10]), count: 2 };
        let limit = LimitView {
            name: "nuke".into(),
            cap: 3,
            in_use: 2,
            settling: true,
            keeper: PeerId([1; 32]),
            keeper_name: "mill".into(),
            holders: vec![holder],
        };
        let text = limits(&[limit], 200);
        assert!(text.contains("2 of 3") && text.contains("quarry (2, job "), "{text}");
        assert!(text.contains("just started"), "{text}");
        assert!(limits(&[], 80).contains("gridwell limit set nuke 3"));
    }
}
