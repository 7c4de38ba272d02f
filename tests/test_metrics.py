"""The names and labels that dashboards depend on."""

from merklelog.metrics import Metrics


def test_a_logs_metrics_carry_its_label() -> None:
    metrics = Metrics()
    log = metrics.for_log("main")
    log.entries_total.inc(3)
    log.tree_size.set(7)
    log.checkpoint_age.set_function(lambda: 1.5)
    log.commit_seconds.observe(0.0004)
    log.commit_entries.observe(40)
    log.pool_bytes.set(1000)
    log.follower_lag("search").set(2)
    lines = metrics.exposition().decode().splitlines()

    assert {
        'merklelog_entries_total{log="main"} 3.0',
        'merklelog_tree_size{log="main"} 7.0',
        'merklelog_checkpoint_age_seconds{log="main"} 1.5',
        'merklelog_commit_seconds_bucket{le="0.0005",log="main"} 1.0',
        'merklelog_commit_entries_bucket{le="16.0",log="main"} 0.0',
        'merklelog_commit_entries_bucket{le="64.0",log="main"} 1.0',
        'merklelog_pool_bytes{log="main"} 1000.0',
        'merklelog_follower_lag_entries{follower="search",log="main"} 2.0',
    } <= set(lines)


def test_requests_are_counted_by_route_method_and_status() -> None:
    metrics = Metrics()
    metrics.request(log="", route="/healthz", method="GET", status=200).observe(0.001)

    assert (
        'merklelog_request_seconds_count{log="",method="GET",route="/healthz",'
        'status="200"} 1.0' in metrics.exposition().decode()
    )


def test_two_servers_do_not_add_up() -> None:
    one, other = Metrics(), Metrics()
    one.for_log("main").entries_total.inc()

    assert b'merklelog_entries_total{log="main"}' not in other.exposition()
