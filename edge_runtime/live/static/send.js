// Sends a change to the server, and says what it answered when it refused.
let timer;

export function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => { said.textContent = ""; }, 6000);
}

export async function send(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (answer.status === 401) location.reload();
    if (answer.ok) return true;
    say((await answer.json()).error);
  } catch {
    say("edge-classify does not answer; is it still running?");
  }
  return false;
}
