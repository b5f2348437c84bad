import { setTimeout as wait } from 'node:timers/promises';

let running = 0;
let most = 0;
export async function handler(event) {
  const name = event.toString();
  most = Math.max(most, ++running);
  for (let step = 1; step <= 3; step++) {
    console.log(`${name} step ${step}`);
    await wait(20 + Math.random() * 20);
  }
  running--;
  return { most };
}
