import { fieldsAt, listAt, nameOf, textAt } from './foreign.ts';

/**
 * EC2NodeClass (karpenter.k8s.aws/v1), as far as it bears on which nodes its pools may bring: the zones of its subnets
 * and its capacity reservations (aws/karpenter-provider-aws pkg/apis/v1/ec2nodeclass_status.go@04101f6238f9). Images,
 * disks and kubelet settings change no GPU. That it is ready is said on the NodePool (condition NodeClassReady).
 */
export interface NodeClassFacts {
  readonly name: string;
  /** null: not resolved yet. */
  readonly zones: readonly string[] | null;
  readonly reservations: readonly Reservation[];
}

export interface Reservation {
  readonly instanceType: string;
  readonly zone: string;
}

export function readNodeClass(object: unknown): NodeClassFacts {
  const status = fieldsAt(object, 'status');
  const zones = listAt(status, 'subnets').flatMap((one) => textAt(one, 'zone') ?? []);
  const reservations = listAt(status, 'capacityReservations').flatMap((one) => {
    const [instanceType, zone] = [textAt(one, 'instanceType'), textAt(one, 'availabilityZone')];
    return instanceType === null || zone === null ? [] : [{ instanceType, zone }];
  });
  return {
    name: nameOf(object),
    zones: zones.length === 0 ? null : [...new Set(zones)].sort(),
    reservations,
  };
}
