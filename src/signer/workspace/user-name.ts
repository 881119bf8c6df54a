/** Who runs this, for records that people read. */
import { userInfo } from 'node:os';

/** In a container a user often has a number and no name. @param named asks the system */
export function userName(named: () => string = () => userInfo().username): string {
  try {
    return named();
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
