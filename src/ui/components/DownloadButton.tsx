import { useState, type ReactNode } from 'react';
import { report } from '../stores/notices';

interface Props {
  /** Id of what the button acts on. */
  about: string;
  fetch: () => Promise<void>;
  focused?: boolean;
  children: ReactNode;
}

/** A button that fetches a file: off while it does, and a fault is shown. */
export function DownloadButton({ about, fetch, focused = false, children }: Props) {
  const [busy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    try {
      await fetch();
    } catch (error) {
      report(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      className="small"
      disabled={busy}
      autoFocus={focused}
      aria-describedby={about}
      onClick={() => void start()}
    >
      {children}
    </button>
  );
}
