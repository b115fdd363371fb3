import { storageConformance } from "../../../tests/conformance/storage.ts";
import { MemoryStorage } from "./memory.ts";

storageConformance("memory", () => {
  const storage = new MemoryStorage();
  return Promise.resolve({ storage, other: new MemoryStorage({ objects: storage.objects }) });
});
