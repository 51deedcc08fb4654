import { describe, expect, it } from 'vitest';
import { parseServeOptions, type ServeOptions } from '../../src/config/serve-options.ts';

function options(...argv: readonly string[]): ServeOptions {
  const reading = parseServeOptions(argv);
  if ('mistake' in reading) throw new Error(reading.mistake);
  return reading.options;
}

function mistake(...argv: readonly string[]): string {
  const reading = parseServeOptions(argv);
  return 'mistake' in reading ? reading.mistake : 'none';
}

const SELF_MANAGED = ['--self-managed-tls', '--tls-secret=ns/certs', '--tls-service=ns/vramgate'];

describe('options of serve', () => {
  it('that are left out give a webhook for a try', () => {
    expect(options()).toEqual({
      configFile: null,
      inventoryFile: null,
      kubeconfig: null,
      kubeContext: null,
      certificate: { kind: 'throwaway' },
      port: 8443,
      metricsPort: 8080,
    });
  });

  it('name files', () => {
    expect(
      options('--tls-cert-file=a', '--tls-private-key-file=b', '--config=c', '--inventory=d'),
    ).toMatchObject({
      certificate: { kind: 'files', certFile: 'a', keyFile: 'b' },
      configFile: 'c',
      inventoryFile: 'd',
    });
  });

  it('name what self-managed certificates need; configurations may be several', () => {
    const both = ['--mutating-webhook-configuration=m', '--validating-webhook-configuration=v'];

    expect(options(...SELF_MANAGED, ...both, '--validating-webhook-configuration=w').certificate).toEqual({
      kind: 'self-managed',
      secret: { namespace: 'ns', name: 'certs' },
      service: { namespace: 'ns', name: 'vramgate' },
      mutating: ['m'],
      validating: ['v', 'w'],
    });
  });

  it.each([
    [['--port=65536'], /^--port must be a number/],
    [['--port=-1'], /--port/],
    [['--metrics-port=http'], /^--metrics-port must be a number/],
    [['--tls-cert-file=a'], /belong together/],
    [['--tls-private-key-file=b'], /belong together/],
    [['--kube-context=here'], /needs --kubeconfig/],
    [['--nonsense'], /nonsense/],
    [['file.yaml'], /file\.yaml/],
    [['--self-managed-tls'], /needs --tls-secret NAMESPACE\/NAME/],
    [
      ['--self-managed-tls', '--tls-secret=certs', '--tls-service=ns/x'],
      /needs --tls-secret NAMESPACE\/NAME/,
    ],
    [['--self-managed-tls', '--tls-secret=ns/../x', '--tls-service=ns/x'], /needs --tls-secret/],
    [['--self-managed-tls', '--tls-secret=ns/certs'], /needs --tls-service/],
    [SELF_MANAGED, /needs --validating-webhook-configuration/],
    [[...SELF_MANAGED, '--validating-webhook-configuration=v', '--tls-cert-file=a'], /exclude each other/],
    [['--tls-secret=ns/certs'], /--tls-secret belongs to --self-managed-tls/],
  ])('%j is a mistake of the caller', (argv, want) => {
    expect(mistake(...argv)).toMatch(want);
  });
});
