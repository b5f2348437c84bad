import { blobsContract } from '../contract.ts';
import { memoryBlobs } from './blobs.ts';

blobsContract('memory', async () => ({ blobs: memoryBlobs(), remove: async () => {} }));
