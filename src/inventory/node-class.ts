import { fieldsAt, isReady, listAt, nameOf, textAt } from './foreign.ts';
import { AUTO_GROUP, EC2_GROUP } from './karpenter-labels.ts';

/**
 * What a NodePool's class of nodes on AWS says of which nodes may come: the zones of its subnets, and its capacity
 * reservations. Images, disks, network and kubelet settings change no GPU.
 *
 * EC2NodeClass (karpenter.k8s.aws/v1) is aws/karpenter-provider-aws pkg/apis/v1/ec2nodeclass_status.go@04101f6238f9.
 * EKS Auto Mode's NodeClass (eks.amazonaws.com/v1) is not published as source. Its resolved subnets are those of
 * EC2NodeClass, by the schema that a cluster serves (imroc/kubeschemas eks.amazonaws.com/nodeclass_v1.json@32f51d9ca4aa);
 * its reservations are selected by `spec.capacityReservationSelectorTerms` (awsdocs/amazon-eks-user-guide
 * latest/ug/automode/auto-odcr.adoc@041ffa8b7ccb), and which they are, no document says.
 */
export interface NodeClassFacts {
  readonly name: string;
  /** null: not resolved yet. */
  readonly zones: readonly string[] | null;
  /** null: there are some, of which nobody says what they hold. */
  readonly reservations: readonly Reservation[] | null;
  /** Where it is not, its pools bring no node; they say so too, a little later. */
  readonly isReady: boolean;
}

export interface Reservation {
  readonly instanceType: string;
  readonly zone: string;
}

/** Kinds with the group by which a NodePool refers to them. */
export const NODE_CLASS_GROUPS = { EC2NodeClass: EC2_GROUP, NodeClass: AUTO_GROUP } as const;

export type NodeClassKind = keyof typeof NODE_CLASS_GROUPS;

/** By group, then by name: `default` may be of both. */
export type NodeClasses = ReadonlyMap<string, ReadonlyMap<string, NodeClassFacts>>;

export function readNodeClass(object: unknown, kind: NodeClassKind): NodeClassFacts {
  const status = fieldsAt(object, 'status');
  const zones = listAt(status, 'subnets').flatMap((one) => textAt(one, 'zone') ?? []);
  const reservations = listAt(status, 'capacityReservations').flatMap((one) => {
    const [instanceType, zone] = [textAt(one, 'instanceType'), textAt(one, 'availabilityZone')];
    return instanceType === null || zone === null ? [] : [{ instanceType, zone }];
  });
  const isUntold = kind === 'NodeClass' && reservations.length === 0 && selectsReservations(object);
  return {
    name: nameOf(object),
    zones: zones.length === 0 ? null : [...new Set(zones)].sort(),
    reservations: isUntold ? null : reservations,
    isReady: isReady(object),
  };
}

function selectsReservations(object: unknown): boolean {
  return listAt(fieldsAt(object, 'spec'), 'capacityReservationSelectorTerms').length > 0;
}
