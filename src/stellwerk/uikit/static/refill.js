// Forms that draw anew without a new page: <form data-refill="ID"> asks for its address and takes the element of that
// id from the answer. The address of the page follows, so that it can be kept; without scripts the form just goes there.
const WAIT = 200;

async function refill(form, improve) {
  const address = new URL(form.action);
  address.search = new URLSearchParams(new FormData(form)).toString();
  form.refilling?.abort();
  form.refilling = new AbortController();
  const old = document.getElementById(form.dataset.refill);
  old.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" }, signal: form.refilling.signal });
    if (!answer.ok) { form.submit(); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    old.replaceChildren(...page.getElementById(form.dataset.refill).childNodes);
    history.replaceState(history.state, "", address.pathname + address.search);
    // The other forms of the page keep what this one chose.
    for (const other of document.querySelectorAll("form[data-refill]")) {
      if (other === form) continue;
      const fresh = page.querySelector(`form[data-refill="${other.dataset.refill}"]`);
      for (const field of other.querySelectorAll("input[type=hidden]")) field.remove();
      other.prepend(...(fresh?.querySelectorAll("input[type=hidden]") ?? []));
    }
    await improve(old);
    old.removeAttribute("aria-busy");
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

export function drawAnew(improve) {
  for (const form of document.querySelectorAll("form[data-refill]")) {
    let timer = 0;
    form.classList.add("draws-itself");
    form.addEventListener("input", (event) => {
      const output = event.target.labels?.[0]?.querySelector("output");
      if (output) output.textContent = String(Number(event.target.value));
      clearTimeout(timer);
      timer = setTimeout(() => refill(form, improve), WAIT);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(timer);
      refill(form, improve);
    });
  }
}
