import { main } from './main';

// A reader that has seen enough (`reft-lab data FILE | head`) closes the pipe; that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const code = await main(process.argv.slice(2));
// Dawn keeps the process alive; what is printed must be out before it ends.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
process.exit(code);
