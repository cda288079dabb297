'use client';
import { useEffect, useState } from 'react';

export default function Page() {
  const [notes, setNotes] = useState([]);
  useEffect(() => {
    fetch('/api/notes')
      .then((response) => response.json())
      .then(setNotes);
  }, []);
  return (
    <main>
      <h1>Notes</h1>
      <ul>
        {notes.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </main>
  );
}
