import assert from 'node:assert/strict';
import { nextOfRepository, nextSteps, type RepositoryStanding } from '../../src/signer/next-step.ts';
import type { RequestStatus } from '../../src/signer/request-status.ts';
import type { RoleStatus } from '../../src/signer/role-status.ts';

function role(name: string, state: RoleStatus['state'] = 'good'): RoleStatus {
  const signatures = { have: 1, need: 1, by: [name], without: [] };
  return { role: name, delegator: undefined, version: 1, expires: 0, remaining: 0, state, signatures };
}

function repository(more: Partial<RepositoryStanding> = {}): RepositoryStanding {
  const roles = ['root', 'timestamp', 'snapshot', 'targets'].map((name) => role(name));
  return { published: true, roles, drafts: [], interrupted: false, waiting: [], ...more };
}

function request(name: string, complete = false): RequestStatus {
  return { path: `requests/${name}-2.request.json`, role: name, version: 2, complete, sides: [] };
}

const standing = { repositories: [repository()], requests: [], differences: [], hasRoot: true };

describe('signer/next-step', () => {
  it('of a repository: what is interrupted, what waits, what is due, and who has to sign', () => {
    const of = (more: Partial<RepositoryStanding>) => nextOfRepository(repository(more));
    assert.equal(of({}), undefined);
    assert.equal(of({ interrupted: true, drafts: ['a'] }), 'tidegate publish');
    assert.equal(of({ published: false }), 'tidegate plan');
    assert.equal(of({ drafts: ['a'] }), 'tidegate plan');
    assert.equal(of({ roles: [role('timestamp', 'unsigned')] }), 'tidegate publish');
    assert.equal(of({ roles: [role('timestamp', 'due')] }), 'tidegate refresh');
    assert.equal(of({ roles: [role('extras', 'expired')] }), 'tidegate refresh');
    assert.equal(of({ roles: [role('root', 'due')] }), undefined, 'the workspace proposes roots');
    const targets = { roles: [role('targets', 'due')], waiting: ['targets'] };
    assert.equal(of(targets), 'tidegate targets propose');
    assert.equal(
      of({ roles: [role('extras', 'due')], waiting: ['extras'] }),
      'tidegate targets propose --role extras',
    );
    assert.equal(
      of({ roles: [role('targets', 'due'), role('timestamp', 'due')], waiting: ['targets'] }),
      'tidegate refresh',
      'what can be renewed is renewed first',
    );
  });

  it('of a workspace: the most urgent first, each command once', () => {
    assert.deepEqual(nextSteps(standing), []);
    const due = repository({ roles: [role('timestamp', 'due')] });
    assert.deepEqual(nextSteps({ ...standing, repositories: [due, due] }), ['tidegate refresh']);
    assert.deepEqual(
      nextSteps({
        ...standing,
        repositories: [repository({ drafts: ['a'] }), due],
        requests: [request('root')],
      }),
      ['tidegate refresh', 'tidegate sign requests/root-2.request.json', 'tidegate plan'],
    );
    assert.deepEqual(nextSteps({ ...standing, requests: [request('root', true), request('targets')] }), [
      'tidegate publish',
      'tidegate sign requests/targets-2.request.json',
    ]);
  });

  it('of a root: to be proposed before the first one, when it is due or tidegate.toml wants another, and not twice', () => {
    const propose = ['tidegate root propose'];
    assert.deepEqual(nextSteps({ ...standing, repositories: [], hasRoot: false }), propose);
    assert.deepEqual(nextSteps({ ...standing, differences: ['a'] }), propose);
    const due = [repository({ roles: [role('root', 'due')] })];
    assert.deepEqual(nextSteps({ ...standing, repositories: due }), propose);
    const sign = ['tidegate sign requests/root-2.request.json'];
    assert.deepEqual(nextSteps({ ...standing, repositories: due, requests: [request('root')] }), sign);
    const expired = [repository({ roles: [role('root', 'expired'), role('timestamp', 'expired')] })];
    const renewed = ['tidegate refresh'];
    assert.deepEqual(nextSteps({ ...standing, repositories: expired }), [...propose, ...renewed]);
    const requests = [request('root')];
    assert.deepEqual(nextSteps({ ...standing, repositories: expired, requests }), [...sign, ...renewed]);
    const waiting = repository({ roles: [role('targets', 'due')], waiting: ['targets'] });
    assert.deepEqual(nextSteps({ ...standing, repositories: [waiting], requests: [request('targets')] }), [
      'tidegate sign requests/targets-2.request.json',
    ]);
  });
});
