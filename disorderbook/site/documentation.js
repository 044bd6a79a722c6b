// Behind a proxy the browser knows better than the exchange what to call it.
for (const origin of document.querySelectorAll(".origin")) origin.textContent = location.origin;

// Each line as it came, and what the reader would have in it instead of the placeholders.
const lines = new Map();
for (const code of document.querySelectorAll(".curl code, dt code")) {
  lines.set(code, code.textContent);
}
const inShell = (text) => text.replaceAll("'", "'\\''");
const inUrl = (text) => encodeURIComponent(text).replaceAll("'", "%27");
const inJson = (text) => JSON.stringify(text).slice(1, -1);

const mine = document.getElementById("mine");
const shells = document.getElementById("shell");
if (mine) mine.hidden = false;
shells.hidden = !isWindows;
for (const asked of [mine, shells]) asked?.addEventListener("input", showLines);
showLines();

function showLines() {
  const fields = [...(mine?.querySelectorAll("input") ?? [])];
  const values = new Map(fields.map((field) => [field.dataset.standsFor, field.value]));
  const shell = isWindows ? shells.querySelector("select").value : "posix";
  for (const [code, line] of lines) {
    const own = personalized(line, (placeholder) => values.get(placeholder) || placeholder);
    code.textContent = own.startsWith("curl ") ? lineFor(own, shell) : own;
  }
}

function personalized(line, valueOf) {
  const account = valueOf("YOUR_ACCOUNT");
  return line
    .replaceAll("/YOUR_ACCOUNT", () => `/${inUrl(account)}`)
    .replaceAll("YOUR_ACCOUNT", () => inShell(inJson(account)))
    .replaceAll(": YOUR_KEY'", () => `: ${inShell(valueOf("YOUR_KEY"))}'`)
    .replaceAll(": ADMIN_KEY'", () => `: ${inShell(valueOf("ADMIN_KEY"))}'`);
}

const narrow = matchMedia("(max-width: 63.99rem)");
document.querySelector("nav details").open = !narrow.matches;

// Browsers keep the clipboard from pages that come over plain HTTP from another machine; then the
// line is at least selected.
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    return document.execCommand("copy") ? "Copied" : "Selected";
  }
}

const said = document.querySelector("[role=status]"); // read out, since a button's name stays
for (const button of document.querySelectorAll(".curl button")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const done = await copy(button.parentElement.querySelector("code"));
    button.textContent = said.textContent = done;
    setTimeout(() => { button.textContent = "Copy"; said.textContent = ""; }, 2000);
  });
}
