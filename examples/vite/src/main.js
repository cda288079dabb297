const list = document.querySelector('#notes');
const form = document.querySelector('#add');

function show(notes) {
  list.replaceChildren(
    ...notes.map((text) => Object.assign(document.createElement('li'), { textContent: text })),
  );
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const response = await fetch('/api/notes', { method: 'POST', body: new FormData(form) });
  show(await response.json());
  form.reset();
});

show(await (await fetch('/api/notes')).json());
