import type { RunRecord } from '../../runs/run';
import type { ExportFormat } from '../../worker/protocol';
import { saveFile } from '../lib/download';
import { engine } from '../stores/engine';
import { DownloadButton } from './DownloadButton';

const FORMATS: readonly { id: ExportFormat; label: string }[] = [
  { id: 'hf', label: 'Hugging Face' },
  { id: 'onnx', label: 'ONNX' },
  { id: 'peft', label: 'PEFT adapter' },
];

/** The formats that a run's final model can be taken away in, as .zip files with a model card. */
export function ExportModel({ record, close }: { record: RunRecord; close: () => void }) {
  const { id, name } = record;
  const hasAdapter = Number(record.config['lora_rank'] ?? 0) > 0;
  const exportAs = async (format: ExportFormat) => {
    const file = await engine().request('export_model', { run: id, format });
    saveFile(file.name, file.blob);
  };
  return (
    <span className="row" role="group" aria-label={`Export the model of ${name} as`}>
      {FORMATS.filter((format) => format.id !== 'peft' || hasAdapter).map((format, i) => (
        <DownloadButton
          key={format.id}
          about={`run-name-${id}`}
          focused={i === 0}
          fetch={() => exportAs(format.id)}
        >
          {format.label}
        </DownloadButton>
      ))}
      <button type="button" className="quiet small" onClick={close}>
        Back
      </button>
    </span>
  );
}
