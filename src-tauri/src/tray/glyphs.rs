use gridwell_api::MachineState;
use tauri::image::Image;

/// Side of the icon in pixels: panels scale it down.
const SIDE: u32 = 44;
/// Each pixel is looked at so many times each way, so that edges are smooth.
const SAMPLES: u32 = 4;
/// Light with a dark rim: readable on light and dark panels.
const INK: [u8; 3] = [232, 236, 242];
const RIM: [u8; 3] = [14, 17, 22];
const RIM_WIDTH: f32 = 0.035;

/// The icon of a state: shapes of their own, so that they differ without colour.
pub(super) fn icon(state: MachineState) -> Image<'static> {
    let mut rgba = Vec::with_capacity((SIDE * SIDE * 4) as usize);
    for y in 0..SIDE {
        for x in 0..SIDE {
            rgba.extend_from_slice(&pixel(state, x, y));
        }
    }
    Image::new_owned(rgba, SIDE, SIDE)
}

fn pixel(state: MachineState, x: u32, y: u32) -> [u8; 4] {
    let (mut ink, mut rim) = (0_u32, 0_u32);
    for sample in 0..SAMPLES * SAMPLES {
        let along = |at: u32, part: u32| {
            let within = (part as f32 + 0.5) / SAMPLES as f32;
            (at as f32 + within) / SIDE as f32 * 2.0 - 1.0
        };
        let distance = distance(state, along(x, sample % SAMPLES), along(y, sample / SAMPLES));
        ink += u32::from(distance <= 0.0);
        rim += u32::from(distance > 0.0 && distance <= RIM_WIDTH * 2.0);
    }
    let all = SAMPLES * SAMPLES;
    let covered = ink + rim;
    let mix = |part: usize| {
        let sum = ink * u32::from(INK[part]) + rim * u32::from(RIM[part]);
        (sum / covered.max(1)) as u8
    };
    [mix(0), mix(1), mix(2), (covered * 255 / all) as u8]
}

/// Distance to the shape in units of half the icon; inside it is not above 0.
fn distance(state: MachineState, x: f32, y: f32) -> f32 {
    let ring = |radius: f32, width: f32| (x.hypot(y) - radius).abs() - width / 2.0;
    let bar = |left: f32| (x - left).abs().max(y.abs() / 2.4) - 0.13;
    match state {
        MachineState::Ready => ring(0.68, 0.22),
        // A triangle that points right, from its three edges.
        MachineState::Working => {
            let (x, y) = (x + 0.1, y.abs());
            (-x - 0.5).max(0.5 * x + 0.866 * y - 0.42)
        }
        MachineState::InUse => {
            let head = x.hypot(y + 0.38) - 0.3;
            let shoulders = (x / 1.15).hypot((y - 0.72) / 0.8) - 0.6;
            head.min(shoulders.max(y - 0.72))
        }
        MachineState::Paused => bar(-0.32).min(bar(0.32)),
        MachineState::Offline => {
            let stroke = ((x + y) * 0.707).abs() - 0.1;
            ring(0.68, 0.16).min(stroke.max(x.hypot(y) - 0.85))
        }
        MachineState::Problem => {
            let stem = x.abs().max((y + 0.25).abs() / 3.6) - 0.15;
            let dot = x.hypot(y - 0.62) - 0.18;
            stem.min(dot)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [MachineState; 6] = [
        MachineState::Ready,
        MachineState::Working,
        MachineState::InUse,
        MachineState::Paused,
        MachineState::Offline,
        MachineState::Problem,
    ];

    #[test]
    fn every_state_has_a_shape_of_its_own() {
        let covered = |state| (0..SIDE * SIDE).map(move |at| pixel(state, at % SIDE, at / SIDE)[3] > 127);
        for (at, left) in STATES.iter().enumerate() {
            let ink = covered(*left).filter(|covered| *covered).count();
            assert!(ink > 100 && ink < (SIDE * SIDE) as usize * 3 / 4, "{left:?} covers {ink} pixels");
            for right in &STATES[at + 1..] {
                let differs = covered(*left).zip(covered(*right)).filter(|(left, right)| left != right).count();
                assert!(differs > 150, "{left:?} and {right:?} differ in {differs} pixels");
            }
        }
    }
}
