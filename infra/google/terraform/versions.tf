# State is kept where the one who deploys wants it: put a backend block into backend.tf (docs/deploy.md), or it stays in
# this folder.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.20, < 8.0"
    }
  }
}

provider "google" {
  project               = var.project
  region                = var.region
  user_project_override = true # budgets and rules are charged to the project's quota, not to gcloud's own
  billing_project       = var.project
}

data "google_project" "this" {
  project_id = var.project
  depends_on = [google_project_service.needed]
}
