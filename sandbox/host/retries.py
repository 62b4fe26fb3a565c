"""When the host tries a failed invocation again. Source: azure-webjobs-sdk, FunctionExecutorExtensions.cs."""

import random
from datetime import timedelta

from sandbox.host.messages import RpcRetryOptions

_FOREVER = -1
_SECOND = timedelta(seconds=1)
_DOUBLINGS = 30


def may_retry(policy: RpcRetryOptions | None, retries: int) -> bool:
    """Whether the policy allows one more try after so many; `max_retry_count` -1 means without end."""
    return policy is not None and (policy.max_retry_count == _FOREVER or retries < policy.max_retry_count)


def retry_delay(policy: RpcRetryOptions, retry: int) -> timedelta:
    """The wait before a retry, counted from 1: fixed, or exponential with jitter between the policy's bounds."""
    if policy.delay_interval is not None:
        return policy.delay_interval
    low, high = policy.minimum_interval or timedelta(), policy.maximum_interval or timedelta.max
    jitter = random.uniform(0.8, 1.2)  # noqa: S311 - not a secret
    growth = max(low, _SECOND).total_seconds() * 2 ** min(retry - 1, _DOUBLINGS) * jitter
    return min(high, low + timedelta(seconds=growth))
