use gridwell_api::{ApiError, DoctorRequest, DoctorView, ErrorCode, Finding, Request, StatusView};
use gridwell_serve::Client;

use super::End;
use crate::{args::DoctorArgs, screen::Screen, text};

/// The node checks itself, or its way to another machine; without a node that is the finding.
pub(super) async fn doctor(args: DoctorArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let DoctorArgs { machine, report } = args;
    let about = machine.clone();
    let request = machine.map_or(Request::Doctor, |machine| Request::DoctorOf(DoctorRequest { machine }));
    let (found, end) = match client.ask::<DoctorView>(&request).await {
        Ok(doctor) => {
            let end = if doctor.findings.iter().all(|finding| finding.ok) { End::Done } else { End::Failed };
            (doctor, end)
        }
        Err(error) if error.code == ErrorCode::NoNode => (DoctorView { findings: vec![no_node(error)] }, End::NoNode),
        Err(error) => return Err(error),
    };
    if report {
        // Without a node the report says just that.
        let status: Option<StatusView> = client.ask(&Request::Status).await.ok();
        screen.show(&found, |found| text::report(found, about.as_deref(), status.as_ref()));
    } else {
        screen.show(&found, text::doctor);
    }
    Ok(end)
}

fn no_node(error: ApiError) -> Finding {
    Finding { what: "node".into(), ok: false, sentence: error.message, next_step: error.help }
}
