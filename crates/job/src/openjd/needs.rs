use gridwell_model::{AmountNeed, AttributeNeed, Needs};
use openjd_model::job::HostRequirements;

/// Host requirements in our own words; the names stay Open Job Description's.
pub(super) fn needs(requirements: Option<&HostRequirements>) -> Needs {
    let Some(requirements) = requirements else { return Needs::default() };
    let amounts = requirements.amounts.iter().flatten();
    let attributes = requirements.attributes.iter().flatten();
    Needs {
        amounts: amounts.map(|one| AmountNeed { name: one.name.to_lowercase(), min: one.min, max: one.max }).collect(),
        attributes: attributes
            .map(|one| AttributeNeed {
                name: one.name.to_lowercase(),
                any_of: one.any_of.clone().unwrap_or_default(),
                all_of: one.all_of.clone().unwrap_or_default(),
            })
            .collect(),
        ..Needs::default()
    }
}
