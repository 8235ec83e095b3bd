import { dismiss, useNotices } from '../stores/notices';

/** Faults, each a sentence that says what happened, what was kept and what to do. */
export function Notices() {
  const notices = useNotices((state) => state.notices);
  return (
    <div className="notices">
      {notices.map((notice) => (
        <div key={notice.id} role="alert" className="notice fade-in">
          <p>{notice.message}</p>
          <button type="button" className="quiet small" onClick={() => dismiss(notice.id)}>
            Close
          </button>
        </div>
      ))}
    </div>
  );
}
