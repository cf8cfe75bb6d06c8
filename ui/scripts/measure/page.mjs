// What is done to a page while it is measured. Functions that move something run inside the page.

/** Frames of one movement: two seconds at sixty a second. */
const FRAMES = 120;

/**
 * Milliseconds from an input to the picture in which its answer is on the screen: an element `until` that was not there
 * before, or another text in it. `deed` makes the input, `begins` is the event that counts.
 */
export async function respond(page, { deed, begins = "keydown", until }) {
  await page.evaluate(
    ([begins, until]) => {
      const text = () => document.querySelector(until)?.textContent;
      const before = text();
      window.answered = new Promise(done => {
        let begun = null;
        addEventListener(begins, event => (begun ??= event.timeStamp), { capture: true });
        const look = () => {
          const now = text();
          if (begun === null || now === undefined || now === before) return requestAnimationFrame(look);
          const { port1, port2 } = new MessageChannel();
          // We are at the start of the frame that shows it; this comes once that frame is painted.
          port1.onmessage = () => done(performance.now() - begun);
          port2.postMessage(null);
        };
        look();
      });
    },
    [begins, until],
  );
  await deed();
  return page.evaluate(() => window.answered);
}

/** Milliseconds of each frame while `move` is called once a frame with its number. */
export function framesOf(page, move) {
  const run = async (frames, move) => {
    const times = [];
    let last = await new Promise(requestAnimationFrame);
    for (let at = 0; at < frames; at += 1) {
      move(at);
      const now = await new Promise(requestAnimationFrame);
      times.push(now - last);
      last = now;
    }
    return times;
  };
  return page.evaluate(`(${run})(${FRAMES}, ${move})`);
}

export function nothing() {}

export function panScene(at) {
  const scene = document.querySelector(".scene");
  const box = scene.getBoundingClientRect();
  const turn = step => Math.sin(step / 9) * 160;
  const send = (type, x, y) =>
    scene.dispatchEvent(
      new PointerEvent(type, {
        bubbles: true,
        button: type === "pointerdown" ? 1 : -1,
        buttons: 4,
        clientX: box.left + box.width / 2 + x,
        clientY: box.top + box.height / 2 + y,
        pointerId: 1,
        pointerType: "mouse",
      }),
    );
  if (at === 0) {
    // A made-up pointer cannot be captured.
    scene.setPointerCapture = () => {};
    send("pointerdown", 0, 0);
  }
  send("pointermove", turn(at), turn(at + 14));
  if (at === 119) send("pointerup", turn(at), turn(at + 14));
}

export function zoomScene(at) {
  const scene = document.querySelector(".scene");
  const box = scene.getBoundingClientRect();
  const [clientX, clientY] = [box.left + box.width / 2, box.top + box.height / 2];
  const deltaY = at % 60 < 30 ? -24 : 24;
  scene.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, clientX, clientY, deltaY }));
}

export function scrollRows(at) {
  document.querySelector("[role=tabpanel] [role=grid]").scrollTop = at * 2_800;
}

export function panTimeline(at) {
  const canvas = document.querySelector("[role=tabpanel] canvas");
  const box = canvas.getBoundingClientRect();
  const turn = step => Math.sin(step / 9) * 60;
  const clientX = box.left + box.width / 2;
  const wheel = options =>
    canvas.dispatchEvent(
      new WheelEvent("wheel", { bubbles: true, cancelable: true, clientX, clientY: box.top + 60, ...options }),
    );
  // Near enough that there is something beside what is shown.
  if (at === 0) wheel({ ctrlKey: true, deltaY: -400 });
  wheel({ deltaX: turn(at) });
}
