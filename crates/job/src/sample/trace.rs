use super::{
    Image, Rect, SampleScene,
    math::{Vec3, jitter, sin_cos_turns},
};

/// Where a ray starts behind the surface it left, so that it does not hit it again.
const CLEAR: f64 = 1e-6;

/// Renders `frame` of `scene` at `width` × `height` pixels, or only `tile` of it; the pixels are the same either way.
///
/// A tile that reaches over the edge is cut; the result has the size of what is left.
#[must_use]
pub fn render(scene: &SampleScene, frame: i64, width: u32, height: u32, tile: Option<Rect>) -> Image {
    let whole = Rect { x: 0, y: 0, width, height };
    let tile = tile.unwrap_or(whole);
    let right = tile.x.saturating_add(tile.width).min(width);
    let bottom = tile.y.saturating_add(tile.height).min(height);
    let stage = Stage::new(scene, frame);
    let mut rgb = Vec::new();
    for y in tile.y..bottom {
        for x in tile.x..right {
            rgb.extend(stage.pixel(x, y, width, height));
        }
    }
    Image { width: right.saturating_sub(tile.x), height: bottom.saturating_sub(tile.y), rgb }
}

/// A scene at one moment.
struct Stage<'a> {
    scene: &'a SampleScene,
    frame: i64,
    eye: Vec3,
    right: Vec3,
    up: Vec3,
    ahead: Vec3,
    balls: Vec<Ball>,
}

struct Ball {
    center: Vec3,
    radius: f64,
    color: Vec3,
    mirror: f64,
}

struct Hit {
    at: Vec3,
    normal: Vec3,
    color: Vec3,
    mirror: f64,
}

impl<'a> Stage<'a> {
    fn new(scene: &'a SampleScene, frame: i64) -> Self {
        let turns = (frame % i64::from(scene.turn_frames)) as f64 / f64::from(scene.turn_frames);
        let (sin, cos) = sin_cos_turns(turns);
        let eye = Vec3::new(sin * scene.camera_distance, scene.camera_height, -cos * scene.camera_distance);
        let ahead = (Vec3::new(0.0, 0.7, 0.0) - eye).unit();
        let right = Vec3::new(0.0, 1.0, 0.0).cross(ahead).unit();
        let up = ahead.cross(right);
        let balls = scene.spheres.iter().enumerate().map(|(index, sphere)| {
            // Each hops in its own time: a parabola that touches down every quarter turn.
            let phase = turns * 4.0 + index as f64 * 0.3;
            let part = phase - phase.floor();
            let lift = sphere.hop * 4.0 * part * (1.0 - part);
            Ball {
                center: Vec3::from_array(sphere.center) + Vec3::new(0.0, lift, 0.0),
                radius: sphere.radius,
                color: Vec3::from_array(sphere.color),
                mirror: sphere.mirror,
            }
        });
        Self { scene, frame, eye, right, up, ahead, balls: balls.collect() }
    }

    fn pixel(&self, x: u32, y: u32, width: u32, height: u32) -> [u8; 3] {
        let side = self.scene.samples;
        let mut sum = Vec3::ZERO;
        for sample in 0..side * side {
            let (dx, dy) = jitter(x, y, self.frame, sample);
            let across = (f64::from(x) + (f64::from(sample % side) + dx) / f64::from(side)) / f64::from(width);
            let down = (f64::from(y) + (f64::from(sample / side) + dy) / f64::from(side)) / f64::from(height);
            let aspect = f64::from(width) / f64::from(height);
            let towards =
                self.ahead * 1.6 + self.right * ((across * 2.0 - 1.0) * aspect) + self.up * (1.0 - down * 2.0);
            sum = sum + self.color(self.eye, towards.unit(), (x, y, sample));
        }
        let mean = sum * (1.0 / f64::from(side * side));
        [tone(mean.x), tone(mean.y), tone(mean.z)]
    }

    /// The light that comes back along a ray; mirrors are followed in a loop, not by recursion.
    fn color(&self, mut from: Vec3, mut towards: Vec3, (x, y, sample): (u32, u32, u32)) -> Vec3 {
        let mut color = Vec3::ZERO;
        let mut strength = 1.0;
        for bounce in 0..=self.scene.bounces {
            let Some(hit) = self.hit(from, towards) else { return color + sky(towards) * strength };
            let seed = sample.wrapping_mul(31).wrapping_add(bounce).wrapping_add(1_000);
            let lit = self.light_at(&hit, (x, y, seed));
            color = color + hit.color * (lit * strength * (1.0 - hit.mirror));
            strength *= hit.mirror;
            if strength < 0.004 {
                break;
            }
            towards = towards - hit.normal * (2.0 * towards.dot(hit.normal));
            from = hit.at + hit.normal * CLEAR;
        }
        color
    }

    /// How bright a place is, 0 to about 1: the share of the light that is not in the way, plus a little from the sky.
    fn light_at(&self, hit: &Hit, (x, y, seed): (u32, u32, u32)) -> f64 {
        let light = Vec3::from_array(self.scene.light);
        let from = hit.at + hit.normal * CLEAR;
        let mut lit = 0.0;
        for ray in 0..self.scene.shadow_rays {
            let (a, b) = jitter(x, y, self.frame, seed.wrapping_mul(64).wrapping_add(ray));
            let (c, _) = jitter(y, x, self.frame, seed.wrapping_mul(64).wrapping_add(ray));
            let off = Vec3::new(a - 0.5, b - 0.5, c - 0.5) * (2.0 * self.scene.light_radius);
            let path = light + off - from;
            let distance = path.dot(path).sqrt();
            let towards = path * (1.0 / distance.max(1e-9));
            if !self.blocked(from, towards, distance) {
                lit += towards.dot(hit.normal).max(0.0);
            }
        }
        0.18 + 0.82 * lit / f64::from(self.scene.shadow_rays)
    }

    fn blocked(&self, from: Vec3, towards: Vec3, distance: f64) -> bool {
        self.balls.iter().any(|ball| ball.reach(from, towards).is_some_and(|reach| reach < distance))
    }

    fn hit(&self, from: Vec3, towards: Vec3) -> Option<Hit> {
        let mut nearest: Option<(f64, &Ball)> = None;
        for ball in &self.balls {
            if let Some(reach) = ball.reach(from, towards)
                && nearest.is_none_or(|(best, _)| reach < best)
            {
                nearest = Some((reach, ball));
            }
        }
        let floor = if towards.y < 0.0 { -from.y / towards.y } else { f64::INFINITY };
        match nearest {
            Some((reach, ball)) if reach < floor => {
                let at = from + towards * reach;
                let normal = (at - ball.center) * (1.0 / ball.radius);
                Some(Hit { at, normal, color: ball.color, mirror: ball.mirror })
            }
            _ if floor > CLEAR && floor < 200.0 => {
                let at = from + towards * floor;
                let odd = (at.x.floor() + at.z.floor()) as i64 & 1;
                let color = Vec3::from_array(self.scene.floor[odd as usize]);
                // Far away the squares are smaller than pixels: fade into the sky.
                let color = color.mix(sky(towards), (floor / 60.0).min(1.0));
                Some(Hit { at, normal: Vec3::new(0.0, 1.0, 0.0), color, mirror: 0.08 })
            }
            _ => None,
        }
    }
}

impl Ball {
    /// Distance along the ray to the surface, if it is ahead.
    fn reach(&self, from: Vec3, towards: Vec3) -> Option<f64> {
        let path = from - self.center;
        let half = path.dot(towards);
        let inside = half * half - path.dot(path) + self.radius * self.radius;
        if inside < 0.0 {
            return None;
        }
        let root = inside.sqrt();
        [-half - root, -half + root].into_iter().find(|reach| *reach > CLEAR)
    }
}

fn sky(towards: Vec3) -> Vec3 {
    let height = (towards.y * 0.5 + 0.5).clamp(0.0, 1.0);
    Vec3::new(0.93, 0.92, 0.9).mix(Vec3::new(0.35, 0.55, 0.85), height).tint(Vec3::new(1.0, 1.0, 1.0))
}

/// Linear light to a byte, with a square root as gamma.
fn tone(value: f64) -> u8 {
    (value.clamp(0.0, 1.0).sqrt() * 255.0 + 0.5) as u8
}
