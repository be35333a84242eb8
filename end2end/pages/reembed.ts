import { MirrorPage } from './mirror.ts';

/** Re-embedding: the steps of a mirroring, over missing records alone. */
export class ReembedPage extends MirrorPage {
  /** Fills the form in and starts the dry run; ends where its plan stands. */
  override async analyze(namespace: string): Promise<void> {
    await this.namespace().fill(namespace);
    await this.page.getByRole('button', { name: 'Analyze', exact: true }).click();
    await this.page.waitForURL(/\/reembed\?run=/);
    await this.page.getByRole('heading', { level: 2, name: /need work|Nothing to migrate/ }).waitFor();
  }
}
