// Keeps one WebSocket: binary messages are pictures with their outlines, text is the state.
const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 5000;

export function connect({ onPicture, onState, onLost }) {
  let wait = FIRST_WAIT_MS;

  function open() {
    const socket = new WebSocket(`ws://${location.host}/api/live`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = async ({ data }) => {
      wait = FIRST_WAIT_MS;
      if (typeof data === "string") {
        onState(JSON.parse(data));
        return;
      }
      await onPicture(unpack(data));
      await visible();
      if (socket.readyState === WebSocket.OPEN) socket.send("drawn");
    };
    socket.onclose = async () => {
      onLost();
      setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      const answer = await fetch("/api/state").catch(() => null);
      if (answer?.status === 401) location.reload();
    };
  }
  open();
}

// The length of the JSON (4 bytes, big endian), the JSON, the JPEG.
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { ...head, jpeg: new Blob([new Uint8Array(buffer, 4 + length)], { type: "image/jpeg" }) };
}

// A page nobody sees asks for no more pictures.
function visible() {
  if (!document.hidden) return undefined;
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}
