/** Starts a control plane, prints its folder and process IDs, and waits to be killed. */
import { startControlPlane } from '../control-plane.ts';

const { folder, pids } = await startControlPlane();
process.stdout.write(`${JSON.stringify({ folder, pids: Object.values(pids()) })}\n`);
setInterval(() => undefined, 60_000);
