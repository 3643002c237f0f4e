# One page: what comes in, how long it waits, what goes wrong.

locals {
  charts = concat(
    [
      {
        title   = "Requests a second, by function"
        filter  = "resource.type=\"cloud_run_revision\" AND metric.type=\"run.googleapis.com/request_count\""
        aligner = "ALIGN_RATE"
        reducer = "REDUCE_SUM"
        by      = ["resource.label.service_name"]
      },
      {
        title   = "How long requests take (95th percentile, ms)"
        filter  = "resource.type=\"cloud_run_revision\" AND metric.type=\"run.googleapis.com/request_latencies\""
        aligner = "ALIGN_PERCENTILE_95"
        reducer = "REDUCE_MAX"
        by      = ["resource.label.service_name"]
      },
      {
        title   = "Answers that ask to come again, or fail"
        filter  = "resource.type=\"cloud_run_revision\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.label.response_code_class=\"5xx\""
        aligner = "ALIGN_RATE"
        reducer = "REDUCE_SUM"
        by      = ["resource.label.service_name"]
      },
      {
        title   = "Tasks that wait, by queue"
        filter  = "resource.type=\"cloud_tasks_queue\" AND metric.type=\"cloudtasks.googleapis.com/queue/depth\""
        aligner = "ALIGN_MEAN"
        reducer = "REDUCE_SUM"
        by      = ["resource.label.queue_id"]
      },
      {
        title   = "How late tasks are called (95th percentile, ms)"
        filter  = "resource.type=\"cloud_tasks_queue\" AND metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\""
        aligner = "ALIGN_PERCENTILE_95"
        reducer = "REDUCE_MAX"
        by      = ["resource.label.queue_id"]
      },
    ],
    [
      for name, line in local.timed : {
        title   = "${line.title}, 95th percentile"
        filter  = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.timed[name].name}\""
        aligner = "ALIGN_PERCENTILE_95"
        reducer = "REDUCE_MAX"
        by      = []
      }
    ],
    [
      for name, line in local.logged : {
        title   = line.title
        filter  = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.each[name].name}\""
        aligner = "ALIGN_SUM"
        reducer = "REDUCE_SUM"
        by      = []
      }
    ],
  )
}

resource "google_monitoring_dashboard" "lockstep" {
  dashboard_json = jsonencode({
    displayName = "Lockstep"
    gridLayout = {
      columns = "2"
      widgets = [
        for chart in local.charts : {
          title = chart.title
          xyChart = {
            dataSets = [{
              plotType = "LINE"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter = chart.filter
                  aggregation = {
                    alignmentPeriod    = "300s"
                    perSeriesAligner   = chart.aligner
                    crossSeriesReducer = chart.reducer
                    groupByFields      = chart.by
                  }
                }
              }
            }]
          }
        }
      ]
    }
  })

  depends_on = [google_project_service.needed]
}
