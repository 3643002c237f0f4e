# What needs a person, from what the functions say (functions/*.py) and from Google's own figures.

locals {
  ours = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${join(" OR ", [for name in keys(local.functions) : "\"${replace(name, "_", "-")}\""])})"

  # One metric for each; an alert as soon as there is one line more than `allowed` within five minutes.
  logged = {
    dead = {
      title   = "Events were given up"
      lines   = "jsonPayload.message=\"event parked\""
      allowed = 0
      advice  = "An event's attempts are used up, or it cannot be read. The line's `cause` or `reason` says why; the event is tried again when it changes."
    }
    feeds_stopped = {
      title   = "A calendar stopped"
      lines   = "jsonPayload.message=\"feed stopped, its owner must act\""
      allowed = 0
      advice  = "Consent was withdrawn, or the calendar is no more. Its owner must connect it again; nothing of it was deleted."
    }
    feeds_failing = {
      title   = "A calendar keeps failing"
      lines   = "jsonPayload.message=\"run postponed\" AND jsonPayload.attempts>=5"
      allowed = 0
      advice  = "The same run was put off five times or more. `error` says by whom: Google, the store or the queue."
    }
    channels_expiring = {
      title   = "Push channels are not renewed"
      lines   = "jsonPayload.message=(\"channel not renewed yet\" OR \"no channel yet, polling\")"
      allowed = 5
      advice  = "Channels have a day left when they are first renewed; without one a calendar is polled every quarter of an hour."
    }
    sweep_stopped = {
      title   = "A sweep refused to delete so much"
      lines   = "jsonPayload.message=\"sweep stopped: it would delete too much\""
      allowed = 0
      advice  = "Many of the provider's meetings have lost their events at once. Was the database restored or emptied? Nothing was deleted."
    }
    ticks_failing = {
      title   = "Part of the clock's work fails"
      lines   = "jsonPayload.message=\"part of the tick failed\""
      allowed = 3
      advice  = "`part` says which: polls, renewals, sweeps, clock triggers. The other parts went on."
    }
    bugs = {
      title   = "A function failed"
      lines   = "jsonPayload.message=(\"failed\" OR \"given up\" OR \"reconcile failed\" OR \"no conference made\" OR \"clock trigger cannot be read\" OR \"clock trigger cannot be handed over\") AND severity>=ERROR"
      allowed = 0
      advice  = "Nobody foresaw it: `stack_trace` shows where. Failed tasks are tried again for three days; what was given up is not."
    }
    knocking = {
      title   = "Somebody who is not Google calls the add-on"
      lines   = "jsonPayload.message=\"add-on call refused\""
      allowed = 20
      advice  = "After a change of the add-on's deployment: addon_account and addon_client. Else a stranger, who got nothing."
    }
  }
}

resource "google_logging_metric" "each" {
  for_each = local.logged

  name        = "lockstep/${each.key}"
  description = each.value.title
  filter      = "${local.ours} AND ${each.value.lines}"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }

  depends_on = [google_project_service.needed]
}

# Figures that stand in lines of the log: how much, not how often.
locals {
  timed = {
    latency = {
      title = "From the notice of a change until it is done (s)"
      lines = "jsonPayload.message=\"event settled\""
      field = "seconds"
      unit  = "s"
    }
    lag = {
      title = "How long a calendar's notices wait for a run (s)"
      lines = "jsonPayload.message=\"run ended\""
      field = "lag"
      unit  = "s"
    }
    channels_lost = {
      title = "Calendars without a push channel, by poll"
      lines = "jsonPayload.message=\"feeds polled\""
      field = "lost"
      unit  = "1"
    }
    provider_calls = {
      title = "Calls to the provider, by request"
      lines = "jsonPayload.message=\"answered\" AND jsonPayload.provider_calls>0"
      field = "provider_calls"
      unit  = "1"
    }
  }
}

resource "google_logging_metric" "timed" {
  for_each = local.timed

  name            = "lockstep/${each.key}"
  description     = each.value.title
  filter          = "${local.ours} AND ${each.value.lines}"
  value_extractor = "EXTRACT(jsonPayload.${each.value.field})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 48
      growth_factor      = 1.4142
      scale              = 0.05
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alert_email == "" ? 0 : 1

  display_name = "Lockstep"
  type         = "email"
  labels       = { email_address = var.alert_email }
  depends_on   = [google_project_service.needed]
}

locals {
  told = google_monitoring_notification_channel.email[*].id

  # Figures of Google's own: the filter, how a series is made of it, and what is too much for how long.
  measured = {
    latency = {
      title   = "Tasks wait too long"
      filter  = "resource.type=\"cloud_tasks_queue\" AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\" AND resource.labels.queue_id=starts_with(\"${local.queue_name}\")"
      aligner = "ALIGN_PERCENTILE_95"
      most    = var.slow_after * 1000 # the metric is in milliseconds
      lasting = "900s"
      advice  = "Queues are behind: too slow a rate (queue_rates), too few instances (most_instances), or functions that fail."
    }
    slow_notices = {
      title   = "Notices are answered slowly"
      filter  = "resource.type=\"cloud_run_revision\" AND metric.type=\"run.googleapis.com/request_latencies\" AND resource.labels.service_name=\"calendar-notification\""
      aligner = "ALIGN_PERCENTILE_95"
      most    = 5000
      lasting = "900s"
      advice  = "Google repeats or drops what is not answered. Cold starts: warm_notices = 1. Else the store is slow."
    }
    late = {
      title   = "Changes arrive late"
      filter  = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.timed["latency"].name}\""
      aligner = "ALIGN_PERCENTILE_95"
      most    = var.slow_after
      lasting = "900s"
      advice  = "The same as tasks that wait, or a provider that answers late: the log's lines `event settled` say how many seconds each change took, those of one trace where they went."
    }
    crowd = {
      title   = "Tasks pile up"
      filter  = "resource.type=\"cloud_tasks_queue\" AND metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND resource.labels.queue_id=starts_with(\"${local.queue_name}\")"
      aligner = "ALIGN_MEAN"
      most    = 10000
      lasting = "900s"
      advice  = "More comes than is worked off. One user's thousands of events are spread over time and are no reason to worry; a provider that is down is."
    }
  }
}

resource "google_monitoring_alert_policy" "logged" {
  for_each = local.logged

  display_name          = "Lockstep: ${each.value.title}"
  combiner              = "OR"
  notification_channels = local.told

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.each[each.key].name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.allowed
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = each.value.advice
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

resource "google_monitoring_alert_policy" "measured" {
  for_each = local.measured

  display_name          = "Lockstep: ${each.value.title}"
  combiner              = "OR"
  notification_channels = local.told

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.most
      duration        = each.value.lasting

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = "REDUCE_MAX"
      }
    }
  }

  documentation {
    content   = each.value.advice
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.needed]
}

# The clock drives everything that was lost elsewhere, so its silence is an alert of its own.
resource "google_monitoring_alert_policy" "silent_clock" {
  display_name          = "Lockstep: the clock has stopped"
  combiner              = "OR"
  notification_channels = local.told

  conditions {
    display_name = "No tick was answered for ten minutes"

    condition_absent {
      filter   = "resource.type=\"cloud_run_revision\" AND metric.type=\"run.googleapis.com/request_count\" AND resource.labels.service_name=\"tick\" AND metric.labels.response_code_class=\"2xx\""
      duration = "600s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    content   = "Look at the job lockstep-tick of Cloud Scheduler and at the log of the function tick. Until it ticks again lost notices are not made good and channels are not renewed."
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.needed]
}

# Logs hold no titles and no secrets, but they name feeds and tasks: thirty days.
resource "google_logging_project_bucket_config" "default" {
  project        = var.project
  location       = "global"
  bucket_id      = "_Default"
  retention_days = 30
}
